package dev.sphere.engine.data;

import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import io.soabase.recordbuilder.core.RecordBuilder;

/**
 * How a problem file is read.
 *
 * @param questionField field with the question; null recognises the published names
 * @param answerField field with the answer or with a solution that ends in it; null recognises the published names
 * @param idField field with the id; null recognises unique_id and id, else file name and line number make one
 * @param skipBad true leaves bad rows out and reports them, false (default) refuses the file at the first one
 * @param limit most problems to read, from the top; 0 (default) reads all
 */
@RecordBuilder
public record ReadOptions(
    @Setting(label = "NAME", shown = "as recognised", help = "Field with the question; a.b is b within a.")
    String questionField,
    @Setting(label = "NAME", shown = "as recognised", help = "Field with the answer.")
    String answerField,
    @Setting(label = "NAME", shown = "as recognised", help = "Field with the problem's id.")
    String idField,
    @Setting(help = "Leave out rows that are no problems, instead of stopping at the first.")
    boolean skipBad,
    @Setting(def = "0", shown = "0, all", range = "[0, )", label = "N", unit = "problems",
        help = "Only the first N problems.")
    int limit) implements ReadOptionsBuilder.With {
  public ReadOptions {
    SettingsTree.requireRanges(ReadOptions.class, questionField, answerField, idField, skipBad, limit);
  }

  /** Recognised fields, the first bad row refuses the file, all rows. */
  public static ReadOptions defaults() {
    return SettingsTree.of(ReadOptions.class).make(ReadOptions.class, GivenSettings.nothing());
  }

  public ReadOptions skippingBad() {
    return withSkipBad(true);
  }
}
