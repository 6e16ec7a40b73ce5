package dev.sphere.engine.embedded;

import static dev.sphere.engine.embedded.ProblemWriter.constant;

import dev.sphere.engine.embedded.ProblemWriter.Person;
import dev.sphere.engine.embedded.WordProblem.Operand;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** The kinds of word problem. Each writes its text and its steps side by side, two to five operations. */
enum ProblemKinds {
  SHOPPING(ProblemKinds::shopping),
  SHARING(ProblemKinds::sharing),
  TRIP(ProblemKinds::trip),
  AGES(ProblemKinds::ages),
  SAVINGS(ProblemKinds::savings),
  FENCE(ProblemKinds::fence),
  COMPARISON(ProblemKinds::comparison),
  FARM(ProblemKinds::farm),
  BAKERY(ProblemKinds::bakery),
  READING(ProblemKinds::reading),
  BUS(ProblemKinds::bus),
  WAGES(ProblemKinds::wages),
  SEATS(ProblemKinds::seats),
  HALVES(ProblemKinds::halves);

  private final Consumer<ProblemWriter> writer;

  ProblemKinds(Consumer<ProblemWriter> writer) {
    this.writer = writer;
  }

  /** Writes one problem of this kind. */
  WordProblem write(SplittableRandom random) {
    ProblemWriter w = new ProblemWriter(random);
    writer.accept(w);
    return w.finish(name().toLowerCase(Locale.ROOT));
  }

  private static void shopping(ProblemWriter w) {
    Person p = w.person();
    Operand a = w.number(2, 9);
    Operand priceA = w.number(2, 15);
    w.say(p.name(), " buys ", a, " ", w.things(), " for ", priceA, " dollars each.");
    Operand sum = w.step("That costs", a, '*', priceA, " dollars.");
    if (w.chance(70)) {
      Operand b = w.number(2, 9);
      Operand priceB = w.number(2, 15);
      w.say(p.capitalHe(), " also buys ", b, " ", w.things(), " for ", priceB, " dollars each.");
      Operand other = w.step("The others cost", b, '*', priceB, " dollars.");
      sum = w.step("Together they cost", sum, '+', other, " dollars.");
    }
    if (w.chance(60)) {
      Operand paid = w.given(w.value(sum) + w.pick(3, 60));
      w.say(p.capitalHe(), " had ", paid, " dollars. How many dollars are left?");
      w.step("What is left is", paid, '-', sum, " dollars.");
    } else {
      Operand rest = w.number(3, 60);
      w.say(p.capitalHe(), " has ", rest, " dollars left. How many dollars did ", p.he(), " have at first?");
      w.step("At first it was", sum, '+', rest, " dollars.");
    }
  }

  private static void sharing(ProblemWriter w) {
    Person p = w.person();
    String things = w.things();
    Operand boxes = w.number(2, 9);
    Operand inEach = w.number(3, 25);
    w.say(p.name(), w.either(" has ", " finds ", " gets "), boxes, w.either(" boxes", " bags"), " with ", inEach, " ",
        things, " in each.");
    Operand all = w.step(p.name() + " has", boxes, '*', inEach, " " + things + ".");
    int friends = w.pick(2, 9);
    int over = w.value(all) % friends;
    if (w.chance(60) && w.value(all) > 4 * friends) {
      Operand gone = w.given(over + friends * w.pick(1, 2));
      w.say(p.capitalHe(), w.either(" keeps ", " loses ", " sells "), gone, " of them.");
      all = w.step("Then there are", all, '-', gone, " " + things + ".");
    } else {
      Operand more = w.given(friends - over + friends * w.pick(1, 3));
      w.say("Then ", p.he(), w.either(" gets ", " finds "), more, " more.");
      all = w.step("Then there are", all, '+', more, " " + things + ".");
    }
    Operand n = w.given(friends);
    w.say(p.capitalHe(), " shares them equally with ", n, " friends. How many does each friend get?");
    w.step("Each friend gets", all, '/', n, " " + things + ".");
  }

  private static void trip(ProblemWriter w) {
    String vehicle = w.either("train", "car", "bus");
    Operand fast = w.number(12, 90);
    Operand hours = w.number(2, 6);
    w.say("A ", vehicle, w.either(" drives ", " goes "), fast, " miles an hour for ", hours, " hours.");
    Operand way = w.step("First it goes", fast, '*', hours, " miles.");
    Operand slow = w.number(11, 60);
    Operand more = w.number(2, 6);
    w.say("Then it goes ", slow, " miles an hour for ", more, " hours.");
    Operand second = w.step("Then it goes", slow, '*', more, " miles.");
    if (w.chance(50)) {
      w.say("How many miles does it go in all?");
      w.step("In all it goes", way, '+', second, " miles.");
    } else {
      way = w.step("In all it goes", way, '+', second, " miles.");
      Operand trip = w.given(w.value(way) + w.pick(5, 90));
      w.say("The whole way is ", trip, " miles. How many miles are left?");
      w.step("What is left is", trip, '-', way, " miles.");
    }
  }

  private static void ages(ProblemWriter w) {
    Person a = w.person();
    Person b = w.person();
    Person c = w.person();
    Operand first = w.number(4, 15);
    Operand times = w.number(2, 5);
    w.say(a.name(), " is ", first, " years old. ", b.name(), " is ", times, " times as old as ", a.name(), ".");
    Operand second = w.step(b.name() + " is", first, '*', times, " years old.");
    boolean older = w.chance(50);
    Operand gap = older ? w.number(2, 25) : w.number(2, w.value(second) - 2);
    w.say(c.name(), " is ", gap, " years ", older ? "older" : "younger", " than ", b.name(), ".");
    Operand third = w.step(c.name() + " is", second, older ? '+' : '-', gap, " years old.");
    switch (w.pick(0, 2)) {
      case 0 -> {
        w.say("How old are ", b.name(), " and ", c.name(), " together?");
        w.step("Together they are", second, '+', third, " years old.");
      }
      case 1 -> {
        w.say("How old are they all together?");
        Operand two = w.step("Two of them are", first, '+', second, " years old.");
        w.step("Together they are", two, '+', third, " years old.");
      }
      default -> {
        Operand years = w.number(3, 30);
        w.say("How old is ", c.name(), " in ", years, " years?");
        w.step("Then " + c.name() + " is", third, '+', years, " years old.");
      }
    }
  }

  private static void savings(ProblemWriter w) {
    Person p = w.person();
    Operand weekly = w.number(3, 25);
    Operand weeks = w.number(3, 9);
    w.say(p.name(), " saves ", weekly, " dollars a week for ", weeks, " weeks.");
    Operand saved = w.step(p.name() + " saves", weekly, '*', weeks, " dollars.");
    if (w.chance(50)) {
      Operand gift = w.number(5, 40);
      w.say("Then ", p.he(), " gets ", gift, " dollars more.");
      saved = w.step("Then it is", saved, '+', gift, " dollars.");
    }
    if (w.chance(50)) {
      Operand spent = w.number(3, Math.min(60, w.value(saved) - 2));
      w.say(p.capitalHe(), " spends ", spent, " dollars.");
      saved = w.step("After that it is", saved, '-', spent, " dollars.");
    }
    Operand price = w.given(w.value(saved) + w.pick(4, 70));
    w.say("A bike costs ", price, " dollars. How many dollars does ", p.he(), " still need?");
    w.step(p.name() + " still needs", price, '-', saved, " dollars.");
  }

  private static void fence(ProblemWriter w) {
    Operand length = w.number(6, 40);
    Operand width = w.number(3, 30);
    Operand price = w.number(2, 9);
    String place = w.either("garden", "field", "yard");
    w.say("A ", place, " is ", length, " feet long and ", width, " feet wide.");
    Operand half = w.step("Two sides are", length, '+', width, " feet.");
    Operand around = w.step("All sides are", half, '*', constant(2), " feet.");
    if (w.chance(40)) {
      Operand gate = w.number(2, 9);
      w.say("There is a gate of ", gate, " feet.");
      around = w.step("Without the gate it is", around, '-', gate, " feet.");
    }
    w.say("A fence costs ", price, " dollars a foot. How many dollars does the fence cost?");
    w.step("The fence costs", around, '*', price, " dollars.");
  }

  private static void comparison(ProblemWriter w) {
    Person a = w.person();
    Person b = w.person();
    Person c = w.person();
    String things = w.things();
    Operand first = w.number(5, 50);
    boolean more = w.chance(50);
    Operand gap = more ? w.number(2, 40) : w.number(2, w.value(first) - 2);
    w.say(a.name(), " has ", first, " ", things, ". ", b.name(), " has ", gap, more ? " more" : " fewer", " than ",
        a.name(), ".");
    Operand second = w.step(b.name() + " has", first, more ? '+' : '-', gap, " " + things + ".");
    Operand times = w.number(2, 6);
    w.say(c.name(), " has ", times, " times as many as ", b.name(), ".");
    Operand third = w.step(c.name() + " has", second, '*', times, " " + things + ".");
    switch (w.pick(0, 2)) {
      case 0 -> {
        w.say("How many do ", a.name(), " and ", c.name(), " have together?");
        w.step("Together they have", first, '+', third, " " + things + ".");
      }
      case 1 -> {
        w.say("How many do they all have together?");
        Operand two = w.step("Two of them have", first, '+', second, " " + things + ".");
        w.step("Together they have", two, '+', third, " " + things + ".");
      }
      default -> {
        w.say("How many more does ", c.name(), " have than ", b.name(), "?");
        w.step(c.name() + " has", third, '-', second, " more " + things + ".");
      }
    }
  }

  private static void farm(ProblemWriter w) {
    String four = w.either("cows", "goats", "pigs");
    String two = w.either("hens", "ducks");
    Operand many = w.number(4, 30);
    Operand few = w.number(4, 30);
    w.say("A farm has ", many, " ", four, " and ", few, " ", two, ".");
    boolean sold = w.chance(40);
    if (sold) {
      Operand gone = w.number(2, w.value(many) - 1);
      w.say(gone, " ", four, " are sold.");
      many = w.step("There are", many, '-', gone, " " + four + ".");
    }
    w.say("How many legs are ", sold ? "now " : "", "on the farm?");
    Operand legs = w.step("The " + four + " have", many, '*', constant(4), " legs.");
    Operand other = w.step("The " + two + " have", few, '*', constant(2), " legs.");
    w.step("In all there are", legs, '+', other, " legs.");
  }

  private static void bakery(ProblemWriter w) {
    Person p = w.person();
    String things = w.either("cakes", "rolls", "pies");
    Operand trays = w.number(2, 9);
    Operand inEach = w.number(4, 24);
    Operand burnt = w.number(2, w.value(trays) * w.value(inEach) - 4);
    Operand price = w.number(2, 6);
    w.say(p.name(), " bakes ", trays, " trays of ", inEach, " ", things, " each.");
    Operand all = w.step(p.name() + " bakes", trays, '*', inEach, " " + things + ".");
    w.say(burnt, " are burnt.");
    Operand good = w.step("The good ones are", all, '-', burnt, " " + things + ".");
    w.say(p.capitalHe(), " sells the others for ", price, " dollars each.");
    Operand money = w.step(p.name() + " gets", good, '*', price, " dollars.");
    if (w.chance(40)) {
      Operand flour = w.number(2, Math.min(40, w.value(money) - 2));
      w.say("The flour costs ", flour, " dollars. How many dollars does ", p.he(), " make?");
      w.step(p.name() + " makes", money, '-', flour, " dollars.");
    } else {
      w.say("How many dollars does ", p.he(), " get?");
    }
  }

  private static void reading(ProblemWriter w) {
    Person p = w.person();
    Operand daily = w.number(6, 35);
    Operand days = w.number(2, 9);
    w.say(p.name(), " reads ", daily, " pages a day for ", days, " days.");
    Operand read = w.step(p.name() + " reads", daily, '*', days, " pages.");
    if (w.chance(60)) {
      Operand more = w.number(8, 60);
      w.say("Then ", p.he(), " reads ", more, " pages more.");
      read = w.step("Then it is", read, '+', more, " pages.");
    }
    int perDay = w.pick(4, 20);
    int left = w.pick(2, 9);
    Operand book = w.given(w.value(read) + perDay * left);
    w.say("The book has ", book, " pages.");
    Operand rest = w.step("What is left is", book, '-', read, " pages.");
    if (w.chance(50)) {
      Operand pace = w.given(perDay);
      w.say(p.capitalHe(), " reads the rest at ", pace, " pages a day. How many days does it take?");
      w.step("It takes", rest, '/', pace, " days.");
    } else {
      w.say("How many pages are left?");
    }
  }

  private static void bus(ProblemWriter w) {
    Operand aboard = w.number(12, 60);
    w.say("A bus has ", aboard, " people.");
    int stops = w.pick(1, 2);
    for (int i = 0; i < stops; i++) {
      Operand off = w.number(2, w.value(aboard) - 2);
      Operand on = w.number(2, 40);
      w.say(i == 0 ? "At a stop " : "At the next stop ", off, " get off and ", on, " get on.");
      aboard = w.step("Then there are", aboard, '-', off, " people.");
      aboard = w.step("Then there are", aboard, '+', on, " people.");
    }
    if (w.chance(50)) {
      Operand fare = w.number(2, 9);
      w.say("Each of them pays ", fare, " dollars. How many dollars is that?");
      w.step("They pay", aboard, '*', fare, " dollars.");
    } else {
      w.say("How many people are on the bus?");
    }
  }

  private static void wages(ProblemWriter w) {
    Person p = w.person();
    Operand hours = w.number(2, 9);
    Operand days = w.number(2, 6);
    w.say(p.name(), " works ", hours, " hours a day for ", days, " days.");
    Operand worked = w.step(p.name() + " works", hours, '*', days, " hours.");
    if (w.chance(40)) {
      Operand extra = w.number(2, 9);
      w.say("Then ", p.he(), " works ", extra, " hours more.");
      worked = w.step("Then it is", worked, '+', extra, " hours.");
    }
    Operand pay = w.number(3, 15);
    w.say(p.capitalHe(), " gets ", pay, " dollars an hour.");
    Operand money = w.step(p.name() + " gets", worked, '*', pay, " dollars.");
    if (w.chance(60)) {
      Operand spent = w.number(5, Math.min(80, w.value(money) - 2));
      w.say(p.capitalHe(), " spends ", spent, " dollars. How many dollars are left?");
      w.step("What is left is", money, '-', spent, " dollars.");
    } else {
      w.say("How many dollars does ", p.he(), " get?");
    }
  }

  private static void seats(ProblemWriter w) {
    Operand rows = w.number(4, 15);
    Operand inRow = w.number(5, 20);
    String place = w.either("A hall", "A room", "A plane");
    w.say(place, " has ", rows, " rows of ", inRow, " seats.");
    Operand seats = w.step("There are", rows, '*', inRow, " seats.");
    Operand broken = w.number(2, 15);
    w.say(broken, " seats are broken.");
    seats = w.step("The good ones are", seats, '-', broken, " seats.");
    Operand people = w.number(2, Math.max(3, w.value(seats) - 2));
    w.say(people, " people sit down.");
    Operand free = w.step("Free are", seats, '-', people, " seats.");
    if (w.chance(40)) {
      Operand leave = w.number(2, Math.max(3, w.value(people) - 1));
      w.say("Then ", leave, " of them leave.");
      w.step("Then it is", free, '+', leave, " seats.");
    }
    w.say("How many seats are free?");
  }

  private static void halves(ProblemWriter w) {
    Person a = w.person();
    Person b = w.person();
    String things = w.things();
    int parts = w.pick(2, 4);
    Operand all = w.given(parts * w.pick(4, 40));
    String share = parts == 2 ? "half" : parts == 3 ? "a third" : "a quarter";
    w.say(a.name(), " has ", all, " ", things, " and gives ", share, " of them to ", b.name(), ".");
    Operand given = w.step(b.name() + " gets", all, '/', constant(parts), " " + things + ".");
    if (w.chance(50)) {
      Operand kept = w.step(a.name() + " keeps", all, '-', given, " " + things + ".");
      Operand bought = w.number(3, 40);
      w.say("Then ", a.name(), " buys ", bought, " more. How many does ", a.name(), " have?");
      w.step("Then " + a.name() + " has", kept, '+', bought, " " + things + ".");
    } else {
      Operand had = w.number(3, 40);
      w.say(b.name(), " had ", had, " before.");
      Operand sum = w.step(b.name() + " has", given, '+', had, " " + things + ".");
      Operand price = w.number(2, 9);
      w.say("Now ", b.name(), " sells all for ", price, " dollars each. How many dollars does ", b.name(), " get?");
      w.step(b.name() + " gets", sum, '*', price, " dollars.");
    }
  }
}
