package dev.sphere.trainer.job;

import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.gguf.GgmlType;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import dev.sphere.trainer.loop.TrainSettings;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;

/** The user's settings of any training; the components are {@link TrainJob}'s. */
public record JobSettings(
    @Nested(heading = "What is trained")
    Tuning tuning,
    @Nested(heading = "How it is trained")
    TrainSettings settings,
    @Setting(def = "2048", range = "[1, )", label = "N", unit = "tokens", source = "DPO-VP",
        help = "Most tokens of prompt and completion; the model's context if that is less.")
    int maxLength,
    @Setting(name = "bad_rows", def = "skip", label = "WHAT",
        help = "Rows that cannot be used: skip them (named and counted), or refuse to begin.")
    OnBadRow onBadRow,
    @Setting(label = "TYPE", shown = "for each the first of its own, f16 and f32 that keeps what was learnt",
        by = Type.class,
        help = "Matrices of a whole model, in evolve also of the policy with which the next round begins: f32, f16, "
            + "bf16, q8_0, q4_k, q6_k, ...")
    GgmlType type,
    @Setting(name = "chat_template", label = "TEMPLATE", shown = "the run's of the rows, else the model's own",
        by = ChatTemplate.Named.class, help = "How a dialogue is rendered: plain, Jinja text, or a file of it.")
    String template,
    @Setting(name = "activation_mib", def = "1024", range = "[1, )", label = "MIB", unit = "MiB",
        effect = Setting.Effect.SPEED,
        help = "Memory for activations; layers that find no room are computed again.")
    int activationMib,
    @Nested(heading = "What is measured meanwhile")
    HeldOut heldOut,
    @Nested
    Precision precision) {
  public static final SettingsTree SETTINGS = SettingsTree.of("The rows", JobSettings.class);

  private static final class Type implements Function<String, GgmlType> {
    @Override
    public GgmlType apply(String label) {
      return GgmlType.byLabel(label);
    }
  }

  /**
   * The settings that a user gave, completed by defaults.
   *
   * @param given may have further settings
   * @param template the default Jinja text; null for that of the rows' run, else the model's own
   */
  public static JobSettings of(GivenSettings given, String template) {
    int threads = Runtime.getRuntime().availableProcessors();
    return SETTINGS.make(JobSettings.class, given,
        template == null ? Map.of("threads", threads) : Map.of("threads", threads, "chat_template", template),
        Map.of());
  }

  /**
   * The job with these settings.
   *
   * @param artefact the GGUF file to write; null for a file in {@code output}
   */
  public TrainJob job(Path model, Path output, Path artefact, boolean resume) {
    return new TrainJob(model, output, artefact, tuning, settings, maxLength, onBadRow, type, resume, null, false,
        heldOut, template, (long) activationMib << 20, precision);
  }
}
