package dev.sphere.bindings.device;

import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.DeviceChoice;
import dev.sphere.bindings.load.NativeUnavailableException;

/**
 * A device failed while it worked. The message is one line: what was being done, what went wrong, what to do. (A device
 * that isn't there, or can't be used, is a mistake of the set-up: {@link NativeUnavailableException}.)
 */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private DeviceException(String message) {
    super(message);
  }

  /**
   * The exception for a status of libsphere or libsphere-cuda.
   *
   * @param what what was being done, for instance "AdamW"
   * @param detail the library's text
   */
  public static RuntimeException of(int status, String what, String detail) {
    return switch (status) {
      case AbiConstants.SPHERE_OUT_OF_MEMORY -> new DeviceException(what + " failed: " + detail + ". Use smaller batches or a smaller context, or another GPU.");
      case AbiConstants.SPHERE_CUDA_LOST -> new DeviceException(what + " failed: the GPU answers no more (" + detail
              + "). What was stored is safe: start again with --resume;"
              + " if it comes back, look for 'Xid' in the output of dmesg.");
      case AbiConstants.SPHERE_CUDA_NO_DEVICE -> new NativeUnavailableException(
          what + ": " + detail + ". Check nvidia-smi and CUDA_VISIBLE_DEVICES, or compute on the CPU: "
              + DeviceChoice.ENV + "=cpu.");
      case AbiConstants.SPHERE_CUDA_OLD_DRIVER -> new NativeUnavailableException(
          what + ": " + detail + ". Update the NVIDIA driver, or compute on the CPU: " + DeviceChoice.ENV + "=cpu.");
      case AbiConstants.SPHERE_CUDA_NO_KERNELS -> new NativeUnavailableException(
          what + ": " + detail + ". Build on this machine: ./sphere --cuda doctor; or compute on the CPU: "
              + DeviceChoice.ENV
              + "=cpu.");
      default -> new DeviceException(what + " failed: " + detail + ".");
    };
  }
}
