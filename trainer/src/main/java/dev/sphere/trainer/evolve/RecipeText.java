package dev.sphere.trainer.evolve;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.probe.AskingChoice;
import java.nio.file.Path;
import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;

/**
 * The recipe that {@link EvolveStart} writes: every value that it chose, and why.
 *
 * @param limit most tokens of a solution
 */
record RecipeText(EvolveStart.Asked asked, Path directory, ProblemSplit split, AskingChoice.Chosen chosen, int limit) {
  String of(TimePlan plan) {
    AskingChoice.Tried best = chosen.best();
    String why = asked.seconds() == 0 ? "no time was set" : "planned for " + Math.round(asked.seconds()) + " s in all";
    boolean fresh = plan.fresh(split.searched().size());
    String more = (fresh ? "fresh_problems: true    # there are enough for each round to search its own\n" : "")
        + (plan.rounds() == 1 ? ""
            : "replay: true            # a later round also learns from the pairs before it, else it unlearns them\n");
    return String.format(Locale.ROOT, """
        # What sphere evolve chose for this model and these problems, and why. It gives the same results again:
        #   ./sphere evolve --recipe %s --run DIR
        name: evolve
        model: %s
        problems: %s  # 60 %% of the problems by a hash of their words: %d
        limit: %d               # %d a round; %s
        seed: %d
        rounds: %d               # at most; validation stops them where they no longer gain
        %sprompt:
          question: %s
          # Chosen on %d validation problems, two draws each: "%s" has %d of %d right and stated, %.0f tokens each.
        search:
          probe: 8              # solutions of each problem first
          pass_rate: 0.1..0.9   # 1 to 7 of 8 right: there is something to tell right from wrong by
          prm: mc               # no reward model needed: a step is worth the share of completions that reach the answer
          rollouts: 4
          candidates: 5         # the paper's
          temperature: 0.8      # the paper's, and that of the choice of asking
          early_stop: true
          separator: %s       # what this model writes between steps
          max_tokens: %d        # twice what nine in ten right solutions take
          max_step_tokens: %d
          depth: %d              # twice the steps of the longest right solution
          pairing: any
          stages: [generation]  # small models correct nothing
          parallel: 32
        train:
          method: lora
          lora_rank: 16
          loss: [sigmoid, sft]  # with plain DPO the chosen solutions become less likely too
          beta: 0.1
          learning_rate: 1e-4   # 3e-4 was as good in a first round and lost in a second
          batch_pairs: 16
          steps: %d             # a round; %s
        validate:               # stops the rounds and chooses the best one
          problems: %s
          limit: %d
        evaluate:               # asked once, at the end; no choice depends on them
          problems: %s
          limit: %d
          at_end: true
          max_tokens: %d        # as in the search
        %s""", directory.resolve(EvolveStart.RECIPE), text(ModelSource.EMBEDDED.contains(asked.model()) ? asked.model()
            : Path.of(asked.model()).toAbsolutePath().toString()), file("searched"), split.searched().size(),
        fresh ? plan.rounds() * plan.problems() : plan.problems(), plan.problems(), why, asked.seed(), plan.rounds(),
        more, text(best.way().prompts().question()), best.drawn().size(), best.way().name(), best.right(),
        best.draws().size(),
        best.tokens(), text(best.separator()), limit, limit, best.depth(), plan.steps(), why, file("validation"),
        plan.validation(), file("test"), plan.test(), limit,
        plan.usual() == 0 ? "" : "  usual: " + plan.usual()
            + "            # also asked in the model's usual way: what asking alone brought\n");
  }

  private String file(String part) {
    return text(directory.resolve(EvolveStart.FOLDER).resolve(part + ".jsonl").toAbsolutePath().toString());
  }

  private static String text(String value) {
    return JsonMapper.shared().writeValueAsString(value);
  }
}
