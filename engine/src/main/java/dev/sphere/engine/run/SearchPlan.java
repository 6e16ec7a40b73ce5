package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.stage.StageSettings;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunMerge;
import dev.sphere.engine.strategy.StrategySettings;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The settings of a search run: models, process reward, search, stages, seed.
 *
 * @param model the policy's GGUF file
 * @param adapter a LoRA adapter over it; null for none
 * @param smallModel the small model of stage 3; null for none, the stage is then skipped with that reason
 * @param prm the process reward
 * @param search how trees are grown
 * @param probe which problems are searched
 * @param stages how pairs are made
 * @param seed of every draw
 * @param strategy how problems are explored where it is not the paper's search with its simulations; null for that
 * @param parallel problems in flight; changes the speed, never the result
 * @param precision how exactly the models compute
 * @param examples what is shown to the models before each question; pairs are written without it
 */
public record SearchPlan(
    Path model,
    Path adapter,
    Path smallModel,
    @Nested(heading = "Search")
    RewardSettings prm,
    @Nested(heading = "Search")
    SearchSettings search,
    @Nested(heading = "Probe")
    ProbeSettings probe,
    @Nested(heading = "Pairs")
    StageSettings stages,
    @Setting(def = "1", label = "N", help = "Seed of every draw.")
    long seed,
    @Nested(heading = "Other ways to search", when = "strategy")
    StrategySettings strategy,
    @Setting(def = "16", range = "[1, 10000]", label = "N", effect = Setting.Effect.SPEED,
        help = "Problems in flight; changes the speed, never the result. Best-of-n and rejection take 128 / width by "
            + "default.")
    int parallel,
    @Nested
    Precision precision,
    @Nested(heading = "What is said to the models", section = "prompt")
    WorkedExamples.Settings examples) {
  /** The version since which searches have the same results. A version that gives others takes its own number here. */
  private static final String RESULTS_VERSION = "0.3.0";

  private static final int PARALLEL = 16;
  private static final int ROWS = 128; // twice what steps together in one lane

  /** The settings of a search, in a recipe and as flags. */
  public static final SettingsTree SETTINGS = SettingsTree.of("The run", SearchPlan.class);

  /** All model files, null among them. */
  public List<Path> files() {
    return prm.filesWith(model, adapter, smallModel);
  }

  /** Opens all files, see {@link HeldFiles}. */
  public HeldFiles hold() {
    return new HeldFiles(files());
  }

  /**
   * The plan by a user's settings, with the model's defaults for the others.
   *
   * @param told the user's, of {@link #SETTINGS}, checked
   * @param adapter null for none
   * @param small null for none
   */
  public static SearchPlan of(GivenSettings told, Path model, Path adapter, Path small) {
    Map<String, Object> given = new HashMap<>();
    given.put("model", model);
    given.put("adapter", adapter);
    given.put("smallModel", small);
    Map<String, Object> usual = new HashMap<>(ModelDefaults.of(model).values());
    if (told.has("strategy")) {
      usual.put("parallel", inFlight(SETTINGS.make(StrategySettings.class, told)));
    }
    return SETTINGS.make(SearchPlan.class, told, usual, given);
  }

  /** So many problems that their rows fill a step, though the rows of each wait for its longest one. */
  private static int inFlight(StrategySettings strategy) {
    return switch (strategy.kind()) {
      case BEST_OF_N, REJECTION -> Math.max(PARALLEL, Math.ceilDiv(ROWS, strategy.width()));
      default -> PARALLEL;
    };
  }

  /** By the paper's search, of all problems. */
  public SearchPlan(Path model, Path adapter, Path smallModel, RewardSettings prm, SearchSettings search,
      StageSettings stages, long seed, int parallel) {
    this(model, adapter, smallModel, prm, search, ProbeSettings.none(), stages, seed, null, parallel, Precision.USUAL,
        WorkedExamples.Settings.NONE);
  }

  public SearchPlan {
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(prm, "prm");
    Objects.requireNonNull(search, "search");
    Objects.requireNonNull(probe, "probe");
    Objects.requireNonNull(stages, "stages");
    Objects.requireNonNull(examples, "examples");
    if (parallel < 1) {
      throw new IllegalArgumentException("at least 1 problem must be in flight, not " + parallel);
    }
  }

  /**
   * The provenance of a run of this plan.
   *
   * @param shown the examples, read
   * @param shard the part of the problem set that is searched; empty: all of it
   */
  Provenance identity(Optional<WorkedExamples> shown, Optional<Shard> shard) {
    NativeRuntime.Status natives = NativeRuntime.status();
    Provenance.Builder builder = Provenance.builder();
    if (strategy != null) {
      builder.settings("strategy", strategy);
    }
    if (probe.on()) {
      builder.settings("probe", probe);
    }
    shown.ifPresent(examples -> builder.identity("few_shot.sha256", examples.sha256())
        .information("few_shot.path", this.examples.file().toAbsolutePath())
        .information("few_shot.shots", this.examples.shots()));
    return builder
        .identity("activations", precision.identity())
        .identity(Arithmetic.NAME, Arithmetic.here())
        .identity("model.sha256", sha256(model))
        .identity("adapter.sha256", sha256(adapter))
        .identity("small_model.sha256", sha256(smallModel))
        .settings("prm", prm)
        .identity("prm.sha256", prm.sha256())
        .settings("search", search, "backup", "truncatedRejected") // the stages' setting decides what is rejected
        .identity("search.backup", search.backup().label())
        .settings("stages", stages)
        .identity("seed", seed)
        .identity("version.sphere", RESULTS_VERSION)
        .identity("version.llama_cpp", natives.llamaVersion())
        .information("model.path", path(model))
        .information("adapter.path", path(adapter))
        .information("small_model.path", path(smallModel))
        .information("parallel", parallel)
        .information("version", natives.sphereVersion())
        .information("java", Runtime.version())
        .information("machine", System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", "
            + Runtime.getRuntime().availableProcessors() + " processors")
        .information("device", Device.current().description())
        .information(RunMerge.SHARD, shard.map(Shard::toString).orElse("whole"))
        .information("begun", Instant.now())
        .build();
  }

  private static Object path(Path file) {
    return file == null ? "none" : file.toAbsolutePath();
  }

  private static String sha256(Path file) {
    if (file == null) {
      return "none";
    }
    try (GgufFile gguf = GgufFile.open(file)) {
      return gguf.sha256();
    }
  }
}
