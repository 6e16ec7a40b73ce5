package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A flag that has no effect beside the others is refused by the name that the user wrote, before any work. */
class NoEffectTest {
  @TempDir Path dir;

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      search SET --budget 9                              | --budget has no effect without --strategy
      search SET --width 2 --strategy sphere             | --width has no effect without --strategy best-of-n or --strategy rejection
      search SET --aggregation min                       | --aggregation has no effect without --strategy
      search SET --simulations 2 --strategy sphere       | --simulations has no effect with --strategy
      search SET --rollouts 2 --prm random               | --rollouts has no effect without --prm mc
      search SET --early-stop --prm random               | --early-stop has no effect without --prm mc
      search SET --max-tokens 9 --prm outcome            | --max-tokens has no effect without --prm mc or --probe
      search SET --pass-rate 0.1..0.5                    | --pass-rate has no effect without --probe
      search SET --order mixed                           | --order has no effect without --probe
      search SET --take 9                                | --take has no effect without --probe
      search SET --no-probe-pairs                        | --no-probe-pairs has no effect without --probe
      search SET --probe -1                              | --probe must be in [0, 10000], not -1
      search SET --probe 2147483647                      | --probe must be in [0, 10000], not 2147483647
      search SET --candidates 1000000                    | --candidates must be in [2, 10000], not 1000000
      search SET --rollouts 1000000000                   | --rollouts must be in [1, 10000], not 1000000000
      search SET --diversity-factor 1000000              | --diversity-factor must be in [1, 100], not 1000000
      search SET --strategy best-of-n --width 1000000    | --width must be in [1, 10000], not 1000000
      search SET --parallel 2147483647                   | --parallel must be in [1, 10000], not 2147483647
      eval SET --samples 2147483647                      | --samples must be in [0, 10000], not 2147483647
      eval SET --prm mc --rollouts 2147483647            | --rollouts must be in [1, 10000], not 2147483647
      eval prm --prm random --model embedded --problems embedded:test --samples 2147483647 | --samples must be in [1, 10000], not 2147483647
      generate --model embedded --prompt x --samples 2147483647 | --samples must be in [1, 10000], not 2147483647
      search SET --probe 4 --pass-rate 0.8..0.2          | must be LOW..HIGH, two shares from 0 to 1 such as 0.05..0.8, not '0.8..0.2'
      search SET --probe 4 --order hardest               | --order must be easiest, mixed or file, not 'hardest'
      search SET --probe 4 --take 2 --shard 1/2          | --take chooses among all problems
      search SET --prm-beta 1                            | --prm-beta has no effect without --prm implicit:...
      search SET --ngram 5                               | --ngram has no effect without --decontaminate
      search SET --corrections 5 --stages generation     | --corrections has no effect without --stages correction
      search SET --correction x --stages generation      | --correction has no effect without --stages correction
      search SET --diversity-factor 5 --stages generation| --diversity-factor has no effect without --stages diversity
      search SET --stages correction                     | --stages must name generation, not correction alone
      search SET --stages generation,corection           | --stages must be generation, correction or diversity, not 'corection'
      search SET --seed 1 --seed=2                       | --seed is given 2 times: give it once
      search SET --candidates 1                          | --candidates must be in [2, 10000], not 1
      search SET --near-duplicates=0                     | --near-duplicates must be above 0, not 0
      search SET --prm nothing                           | unknown process reward "nothing"
      search SET --chat-template /nowhere                     | the chat template '/nowhere' cannot be read
      search SET --candidate 5                           | there is no flag --candidate: did you mean '--candidates'?
      eval SET --shots 3                                 | --shots has no effect without --few-shot
      eval SET --rollouts 3                              | --rollouts has no effect without --prm mc
      eval SET --samples -1                              | --samples must be in [0, 10000], not -1
      eval prm --prm random --model embedded --problems embedded:test --threshold 1 | --threshold has no effect without --steps
      eval prm --prm random --model embedded --steps embedded:steps --samples 4     | --samples has no effect without --problems
      eval prm --prm random --model embedded --steps embedded:steps --rollouts 4    | --rollouts has no effect without --prm mc
      generate --model embedded --prompt x --raw --system y            | --system has no effect with --raw
      generate --model embedded --prompt x --raw --chat-template plain | --chat-template has no effect with --raw
      """)
  void itIsRefused(String call, String message) throws Exception {
    Files.writeString(dir.resolve("in.jsonl"), "{}\n");
    String words = call.replace("SET", "--model embedded --problems embedded:test" + (call.startsWith("search") ? " --run RUN" : ""))
        .replace("RUN", dir.resolve("run").toString()).replace("IN", dir.resolve("in.jsonl").toString())
        .replace("OUT", dir.resolve("out.jsonl").toString());
    Call done = Call.call((Object[]) words.split(" +"));
    assertEquals(2, done.status(), done.err());
    assertTrue(done.err().contains(message), done.err());
    assertEquals(1, done.err().lines().count(), done.err());
    assertTrue(Files.notExists(dir.resolve("run")) && Files.notExists(dir.resolve("out.jsonl")), "nothing was begun");
  }
}
