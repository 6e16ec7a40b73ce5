package dev.sphere.trainer.model;

import dev.sphere.trainer.PackedBatch;
import java.util.LinkedHashMap;
import java.util.Map;

/** The model's forward pass in double precision, one slot after the other: nothing shared with the product's code. */
final class ReferenceModel {
  private final Architecture a;
  private final Map<String, double[]> weights = new LinkedHashMap<>();
  double loraScale;

  ReferenceModel(TinyModel model) {
    this.a = model.shape;
    model.values.forEach((name, v) -> {
      double[] d = new double[v.length];
      for (int i = 0; i < d.length; i++) {
        d[i] = v[i];
      }
      weights.put(name, d);
    });
  }

  double[] weight(String name) {
    return weights.get(name);
  }

  void weight(String name, double[] values) {
    weights.put(name, values);
  }

  /** Works out DoRA's norms |W + s B A| of rows from the weights as they are now, and keeps them. */
  void holdNorms() {
    for (String magnitude : weights.keySet().stream().filter(n -> n.endsWith(".lora_magnitude")).toList()) {
      String name = magnitude.substring(0, magnitude.lastIndexOf('.'));
      double[] w = weights.get(name);
      double[] a = weights.get(name + ".lora_a");
      double[] b = weights.get(name + ".lora_b");
      double[] norms = new double[weights.get(magnitude).length];
      int inputs = w.length / norms.length;
      int rank = a.length / inputs;
      for (int i = 0; i < w.length; i++) {
        double v = w[i];
        for (int r = 0; r < rank; r++) {
          v += loraScale * b[i / inputs * rank + r] * a[r * inputs + i % inputs];
        }
        norms[i / inputs] += v * v;
      }
      for (int i = 0; i < norms.length; i++) {
        norms[i] = Math.sqrt(norms[i]);
      }
      weights.put(name + ".norms", norms);
    }
  }

  double[] logProbs(PackedBatch batch) {
    double[][] logits = logits(batch);
    double[] result = new double[logits.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = logits[i][batch.targets()[i]] - logSumExp(logits[i]);
    }
    return result;
  }

  static double logSumExp(double[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (double v : logits) {
      max = Math.max(max, v);
    }
    double sum = 0;
    for (double v : logits) {
      sum += Math.exp(v - max);
    }
    return max + Math.log(sum);
  }

  /** Those that each prediction is made from. */
  double[][] logits(PackedBatch batch) {
    int n = batch.groups() * batch.slots();
    double[][] x = new double[n][];
    for (int i = 0; i < n; i++) {
      x[i] = new double[a.width()];
      System.arraycopy(weights.get("token_embd.weight"), batch.tokens()[i] * a.width(), x[i], 0, a.width());
    }
    for (int l = 0; l < a.layers(); l++) {
      layer(l, x, batch);
    }
    double[][] result = new double[batch.predictions()][];
    double[] head = weights.getOrDefault("output.weight", weights.get("token_embd.weight"));
    for (int i = 0; i < result.length; i++) {
      result[i] = times(head, norm(x[batch.sources()[i]], weights.get("output_norm.weight")));
    }
    return result;
  }

  private void layer(int l, double[][] x, PackedBatch batch) {
    int n = x.length;
    double[][] q = new double[n][];
    double[][] k = new double[n][];
    double[][] v = new double[n][];
    for (int i = 0; i < n; i++) {
      double[] h = norm(x[i], weights.get("blk." + l + ".attn_norm.weight"));
      double[][] qkv = parts(l, h, "attn_qkv", a.queryWidth(), a.kvWidth(), a.kvWidth());
      if (qkv == null) {
        qkv = new double[][] {linear(l, "attn_q", h), linear(l, "attn_k", h), linear(l, "attn_v", h)};
      }
      q[i] = turned(headNorm(l, "attn_q_norm", qkv[0]), a.heads(), batch.positions()[i]);
      k[i] = turned(headNorm(l, "attn_k_norm", qkv[1]), a.kvHeads(), batch.positions()[i]);
      v[i] = qkv[2];
    }
    for (int i = 0; i < n; i++) {
      double[] mixed = new double[a.heads() * a.headSize()];
      for (int h = 0; h < a.heads(); h++) {
        attend(i, h, q, k, v, batch, mixed);
      }
      double[] middle = plus(x[i], linear(l, "attn_output", mixed));
      double[] again = norm(middle, weights.get("blk." + l + ".ffn_norm.weight"));
      double[][] both = a.name().equals("phi3") ? parts(l, again, "ffn_up", a.feedForward(), a.feedForward()) : null;
      double[] gate = both == null ? linear(l, "ffn_gate", again) : both[0];
      double[] up = both == null ? linear(l, "ffn_up", again) : both[1];
      for (int j = 0; j < gate.length; j++) {
        up[j] *= gate[j] / (1 + Math.exp(-gate[j]));
      }
      x[i] = plus(middle, linear(l, "ffn_down", up));
    }
  }

  private void attend(int i, int h, double[][] q, double[][] k, double[][] v, PackedBatch batch, double[] out) {
    int d = a.headSize();
    int kvHead = h / (a.heads() / a.kvHeads());
    int group = i - i % batch.slots();
    double sum = 0;
    double[] mixed = new double[d];
    for (int s = i % batch.slots(); s >= 0; s = batch.parents()[group + s]) {
      double score = 0;
      for (int j = 0; j < d; j++) {
        score += q[i][h * d + j] * k[group + s][kvHead * d + j];
      }
      double e = Math.exp(score / Math.sqrt(d));
      sum += e;
      for (int j = 0; j < d; j++) {
        mixed[j] += e * v[group + s][kvHead * d + j];
      }
    }
    for (int j = 0; j < d; j++) {
      out[h * d + j] = mixed[j] / sum;
    }
  }

  /** A projection cut into parts; null where the model has no such matrix. */
  private double[][] parts(int l, double[] x, String part, int... widths) {
    if (!weights.containsKey("blk." + l + "." + part + ".weight")) {
      return null;
    }
    double[] all = linear(l, part, x);
    double[][] cut = new double[widths.length][];
    int from = 0;
    for (int i = 0; i < widths.length; i++) {
      cut[i] = java.util.Arrays.copyOfRange(all, from, from += widths[i]);
    }
    return cut;
  }

  private double[] headNorm(int l, String part, double[] x) {
    double[] weight = weights.get("blk." + l + "." + part + ".weight");
    if (weight == null) {
      return x;
    }
    double[] y = new double[x.length];
    for (int h = 0; h < x.length; h += weight.length) {
      System.arraycopy(norm(java.util.Arrays.copyOfRange(x, h, h + weight.length), weight), 0, y, h, weight.length);
    }
    return y;
  }

  private double[] linear(int l, String part, double[] x) {
    String name = "blk." + l + "." + part + ".weight";
    double[] y = times(weights.get(name), x);
    if (weights.containsKey(name + ".lora_a")) {
      double[] low = times(weights.get(name + ".lora_b"), times(weights.get(name + ".lora_a"), x));
      for (int i = 0; i < y.length; i++) {
        y[i] += loraScale * low[i];
        if (weights.containsKey(name + ".norms")) {
          y[i] *= weights.get(name + ".lora_magnitude")[i] / weights.get(name + ".norms")[i];
        }
      }
    }
    double[] bias = weights.get("blk." + l + "." + part + ".bias");
    return bias == null ? y : plus(y, bias);
  }

  private double[] turned(double[] x, int heads, int position) {
    int d = a.headSize();
    int half = a.rope().dimensions() / 2;
    double[] factors = weights.get("rope_freqs.weight");
    for (int h = 0; h < heads; h++) {
      for (int j = 0; j < half; j++) {
        double angle = position * Math.pow(a.rope().base(), -2.0 * j / a.rope().dimensions());
        angle = factors == null ? angle : angle / factors[j];
        angle = a.rope().extension() == 0 ? angle * a.rope().scale() : yarn(j, angle);
        int first = h * d + (a.rope().neox() ? j : 2 * j);
        int second = a.rope().neox() ? first + half : first + 1;
        double u = x[first];
        double w = x[second];
        x[first] = length() * (u * Math.cos(angle) - w * Math.sin(angle));
        x[second] = length() * (u * Math.sin(angle) + w * Math.cos(angle));
      }
    }
    return x;
  }

  /** YaRN (arXiv 2309.00071): frequencies of many turns stay, those of few are scaled, a ramp between the two. */
  private double yarn(int j, double angle) {
    var r = a.rope();
    double log = 2 * Math.log(r.base());
    double fast = Math.floor(r.dimensions() * Math.log(r.originalContext() / (r.betaFast() * 2 * Math.PI)) / log);
    double slow = Math.ceil(r.dimensions() * Math.log(r.originalContext() / (r.betaSlow() * 2 * Math.PI)) / log);
    fast = Math.max(0, fast);
    slow = Math.min(r.dimensions() - 1, slow);
    double stays = 1 - Math.clamp((j - fast) / Math.max(0.001, slow - fast), 0.0, 1.0);
    return angle * r.scale() * (1 - stays) + angle * stays;
  }

  private double length() {
    return a.rope().attention() * (a.rope().extension() == 0 ? 1 : 1 + 0.1 * Math.log(1 / a.rope().scale()));
  }

  private double[] norm(double[] x, double[] weight) {
    double sum = 0;
    for (double v : x) {
      sum += v * v;
    }
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] / Math.sqrt(sum / x.length + a.epsilon()) * weight[i];
    }
    return y;
  }

  private static double[] times(double[] matrix, double[] x) {
    double[] y = new double[matrix.length / x.length];
    for (int i = 0; i < y.length; i++) {
      for (int j = 0; j < x.length; j++) {
        y[i] += matrix[i * x.length + j] * x[j];
      }
    }
    return y;
  }

  private static double[] plus(double[] x, double[] y) {
    double[] z = x.clone();
    for (int i = 0; i < z.length; i++) {
      z[i] += y[i];
    }
    return z;
  }
}
