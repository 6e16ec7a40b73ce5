# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts that source this
# The CPU families that native libraries are built for, sourced by native/provision.sh and native/build.sh.
#
# SPHERE_CPU in the environment chooses:
#   native           this machine's CPU; the default
#   a family         one of those below, for this machine's kind of CPU or, by a cross compiler, for ARM64
#   all              every family of this machine's kind of CPU
#
# A family is a whole set of libraries (libsphere, ggml-cpu), made by one compiler with one set of flags. The jar's loader
# takes the first in the list whose needs this CPU meets.

CPU_FAMILIES_X86_64='sapphirerapids zen4 x86-64-v4 x86-64-v3 x86-64-v2' # best first
CPU_FAMILIES_AARCH64='armv8.6 armv8.2'

# cpu_family NAME sets
#   cpu_machine    as uname -m
#   cpu_flags      for the compiler of libsphere
#   cpu_options    for the CMake build of llama.cpp
#   cpu_needs      the words that Linux' /proc/cpuinfo must have
# and fails for an unknown one.
cpu_family() {
  local v2='cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3'
  local v3="$v2 abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
  # The family asks for VNNI too: without it libsphere has no product of a single row for AVX-512.
  local v4="$v3 avx512bw avx512cd avx512dq avx512f avx512vl avx512_vnni"
  local zen4="$v4 avx512_bf16 avx512_bitalg avx512ifma avx512vbmi avx512_vbmi2 avx512_vpopcntdq gfni vaes vpclmulqdq"
  local ggml_v3='GGML_SSE42 GGML_AVX GGML_AVX2 GGML_BMI2 GGML_F16C GGML_FMA'
  local ggml_v4="$ggml_v3 GGML_AVX512 GGML_AVX512_VNNI"
  local ggml_zen4="$ggml_v4 GGML_AVX512_BF16 GGML_AVX512_VBMI"
  local v4_flags='-march=x86-64-v4 -mavx512vnni'
  local zen4_flags="$v4_flags -mavx512bf16 -mavx512bitalg -mavx512ifma -mavx512vbmi -mavx512vbmi2 -mavx512vpopcntdq"
  zen4_flags+=' -mgfni -mvaes -mvpclmulqdq'
  local cpu_ggml
  cpu_machine=x86_64
  case $1 in
    x86-64-v2) cpu_flags=-march=x86-64-v2 cpu_ggml=GGML_SSE42 cpu_needs=$v2 ;;
    x86-64-v3) cpu_flags=-march=x86-64-v3 cpu_ggml=$ggml_v3 cpu_needs=$v3 ;;
    x86-64-v4) cpu_flags=$v4_flags cpu_ggml=$ggml_v4 cpu_needs=$v4 ;;
    zen4) cpu_flags=$zen4_flags cpu_ggml=$ggml_zen4 cpu_needs=$zen4 ;;
    sapphirerapids)
      cpu_flags="$zen4_flags -mavx512fp16 -mamx-tile -mamx-bf16 -mamx-int8"
      cpu_ggml="$ggml_zen4 GGML_AMX_TILE GGML_AMX_INT8 GGML_AMX_BF16"
      cpu_needs="$zen4 avx512_fp16 amx_bf16 amx_int8 amx_tile" ;;
    armv8.2) cpu_machine=aarch64 cpu_flags=-march=armv8.2-a+dotprod+fp16 cpu_ggml='' cpu_needs='asimd asimddp asimdhp fphp' ;;
    armv8.6)
      # crypto: Highway takes BF16 beside AES alone, and compiles its functions for aes and sha2 together; GCC 12 does not
      # inline them into code for aes alone.
      cpu_machine=aarch64 cpu_flags=-march=armv8.2-a+crypto+dotprod+fp16+i8mm+bf16 cpu_ggml=''
      cpu_needs='aes asimd asimddp asimdhp bf16 fphp i8mm sha2' ;;
    *)
      echo "SPHERE_CPU=$1 is unknown (known: native, $CPU_FAMILIES_X86_64, $CPU_FAMILIES_AARCH64, all)" >&2
      return 2 ;;
  esac
  # Of ggml's libraries ggml-cpu alone depends on the CPU.
  cpu_options=(-DGGML_NATIVE=OFF)
  local option
  for option in SSE42 AVX AVX2 BMI2 F16C FMA AVX_VNNI AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16 AMX_TILE AMX_INT8 AMX_BF16; do
    case " $cpu_ggml " in *" GGML_$option "*) cpu_options+=("-DGGML_$option=ON") ;; *) cpu_options+=("-DGGML_$option=OFF") ;; esac
  done
  [ "$cpu_machine" != aarch64 ] || cpu_options+=("-DGGML_CPU_ARM_ARCH=${cpu_flags#-march=}")
}

# As uname -m says it, one name for a kind: "x86_64", "aarch64".
this_machine() { local machine; machine=$(uname -m); echo "${machine/arm64/aarch64}"; }

# cpu_compilers MACHINE: for another kind of CPU than this one, CC and CXX become its cross compilers, unless they were
# set, and cpu_cross CMake's options for it.
cpu_compilers() {
  cpu_cross=()
  [ "$1" != "$(this_machine)" ] || return 0
  export CC=${CC:-$1-linux-gnu-gcc} CXX=${CXX:-$1-linux-gnu-g++}
  command -v "$CXX" > /dev/null || {
    echo "no compiler for $1 ($CXX). Install one: apt-get install g++-${1//_/-}-linux-gnu" >&2; return 1; }
  cpu_cross=(-DCMAKE_SYSTEM_NAME=Linux "-DCMAKE_SYSTEM_PROCESSOR=$1" "-DCMAKE_C_COMPILER=$CC" "-DCMAKE_CXX_COMPILER=$CXX")
}

# On macOS OpenMP is Homebrew's libomp, which CMake finds when it is told where that is.
mac_openmp() {
  [ "$(uname -s)" = Darwin ] && [ -z "${OpenMP_ROOT:-}" ] && command -v brew > /dev/null || return 0
  OpenMP_ROOT=$(brew --prefix libomp 2> /dev/null) && export OpenMP_ROOT || unset OpenMP_ROOT
}
