package dev.sphere.lab.problems;

import static dev.sphere.lab.problems.ProblemWriter.constant;

import dev.sphere.lab.problems.ProblemWriter.Person;
import dev.sphere.lab.problems.WordProblem.Operand;

/** Problems of earning, spending and prices. */
final class MoneyProblems {
  private MoneyProblems() {}

  static void shopping(ProblemWriter w) {
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

  static void savings(ProblemWriter w) {
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

  static void fence(ProblemWriter w) {
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

  static void bakery(ProblemWriter w) {
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

  static void wages(ProblemWriter w) {
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
}
