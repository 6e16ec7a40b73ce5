package dev.sphere.engine.data;

/**
 * How a problem file is read.
 *
 * @param questionField field with the question; null recognises the published names
 * @param answerField field with the answer or with a solution that ends in it; null recognises the published names
 * @param idField field with the id; null recognises unique_id and id, else file name and line number make one
 * @param skipBad true leaves bad rows out and reports them, false (default) refuses the file at the first one
 * @param limit most problems to read, from the top; 0 (default) reads all
 */
public record ReadOptions(String questionField, String answerField, String idField, boolean skipBad, int limit) {
  public ReadOptions {
    if (limit < 0) {
      throw new IllegalArgumentException("limit must not be negative: " + limit);
    }
  }

  /** Recognised fields, the first bad row refuses the file, all rows. */
  public static ReadOptions defaults() {
    return new ReadOptions(null, null, null, false, 0);
  }

  public ReadOptions withLimit(int rows) {
    return new ReadOptions(questionField, answerField, idField, skipBad, rows);
  }

  public ReadOptions skippingBad() {
    return new ReadOptions(questionField, answerField, idField, true, limit);
  }
}
