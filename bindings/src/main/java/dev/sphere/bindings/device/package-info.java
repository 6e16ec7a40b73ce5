/** The device on which this process computes, the CPU or a CUDA device, and the device's memory. */
package dev.sphere.bindings.device;
