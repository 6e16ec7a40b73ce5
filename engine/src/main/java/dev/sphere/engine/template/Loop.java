package dev.sphere.engine.template;

import java.util.List;

/** The variable {@code loop}: where a loop is. */
final class Loop {
  private final List<Object> elements;
  private int at;
  private List<Object> seen; // by loop.changed

  Loop(List<Object> elements) {
    this.elements = elements;
  }

  void moveTo(int index) {
    at = index;
  }

  /** An attribute; null for one that loops have not. */
  Object get(String name) {
    int length = elements.size();
    return switch (name) {
      case "index" -> at + 1L;
      case "index0" -> (long) at;
      case "revindex" -> (long) length - at;
      case "revindex0" -> length - at - 1L;
      case "first" -> at == 0;
      case "last" -> at == length - 1;
      case "length" -> (long) length;
      case "depth" -> 1L; // of recursive loops, which there are none of
      case "depth0" -> 0L;
      case "previtem" -> at == 0 ? new Values.Undefined("there is no previous item") : elements.get(at - 1);
      case "nextitem" -> at == length - 1 ? new Values.Undefined("there is no next item") : elements.get(at + 1);
      case "cycle" -> (Values.Function) args -> {
        if (args.positional().isEmpty()) {
          throw args.error("needs something to cycle through");
        }
        return args.positional().get(at % args.positional().size());
      };
      case "changed" -> (Values.Function) args -> {
        boolean same = seen != null && Values.equal(
            args.budget(), Values.Items.list(seen), Values.Items.list(args.positional()));
        seen = args.positional();
        return !same;
      };
      default -> null;
    };
  }
}
