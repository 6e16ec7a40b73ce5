# Google Highway, whose headers are all that libsphere needs of it: SPHERE_HIGHWAY_INCLUDE is the folder to add, empty
# where the compiler looks there by itself.
find_path(SPHERE_HIGHWAY hwy/highway.h)
set(highway_remedy "Install Google Highway, 1.2 or newer: apt-get install libhwy-dev (macOS: brew install highway); \
or say where its headers are: -DSPHERE_HIGHWAY=FOLDER")
if(NOT SPHERE_HIGHWAY)
  message(FATAL_ERROR "hwy/highway.h was not found. ${highway_remedy}")
endif()
file(STRINGS "${SPHERE_HIGHWAY}/hwy/base.h" highway_version REGEX "^#define HWY_M(AJOR|INOR) [0-9]+$")
list(TRANSFORM highway_version REPLACE "[^0-9]" "")
list(JOIN highway_version "." highway_version)
if(highway_version VERSION_LESS 1.2)
  message(FATAL_ERROR "${SPHERE_HIGHWAY} holds Google Highway ${highway_version}. ${highway_remedy}")
endif()
set(SPHERE_HIGHWAY_INCLUDE "")
if(NOT SPHERE_HIGHWAY STREQUAL "/usr/include")
  set(SPHERE_HIGHWAY_INCLUDE "${SPHERE_HIGHWAY}")
endif()
