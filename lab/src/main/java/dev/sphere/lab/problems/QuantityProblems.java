package dev.sphere.lab.problems;

import static dev.sphere.lab.problems.ProblemWriter.constant;

import dev.sphere.lab.problems.ProblemWriter.Person;
import dev.sphere.lab.problems.WordProblem.Operand;

/** Problems of how many things, people or seats there are: shared, compared, added and taken away. */
final class QuantityProblems {
  private QuantityProblems() {}

  static void sharing(ProblemWriter w) {
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

  static void comparison(ProblemWriter w) {
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

  static void farm(ProblemWriter w) {
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

  static void bus(ProblemWriter w) {
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

  static void seats(ProblemWriter w) {
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

  static void halves(ProblemWriter w) {
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
