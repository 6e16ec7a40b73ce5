package dev.sphere.lab.problems;

import dev.sphere.lab.problems.ProblemWriter.Person;
import dev.sphere.lab.problems.WordProblem.Operand;

/** Problems of ages, days and hours. */
final class TimeProblems {
  private TimeProblems() {}

  static void trip(ProblemWriter w) {
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

  static void ages(ProblemWriter w) {
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

  static void reading(ProblemWriter w) {
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
}
