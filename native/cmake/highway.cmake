# Google Highway by native/highway.sh: SPHERE_HIGHWAY_INCLUDE is the folder to add, empty where the compiler looks there
# by itself. -DSPHERE_HIGHWAY=FOLDER does what the environment's SPHERE_HIGHWAY does.
set(highway_asked "$ENV{SPHERE_HIGHWAY}")
if(SPHERE_HIGHWAY)
  set(highway_asked "${SPHERE_HIGHWAY}")
endif()
execute_process(
  COMMAND ${CMAKE_COMMAND} -E env "CXX=${CMAKE_CXX_COMPILER}" "SPHERE_HIGHWAY=${highway_asked}"
          bash "${CMAKE_CURRENT_LIST_DIR}/../highway.sh"
  OUTPUT_VARIABLE SPHERE_HIGHWAY_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE highway_status)
if(NOT highway_status EQUAL 0)
  message(FATAL_ERROR "Google Highway could not be provided; the reason stands above.")
endif()
