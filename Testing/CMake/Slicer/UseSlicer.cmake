# The macros that a CMakeLists.txt of a scripted module calls, with the parameters of Slicer's own. Files are copied
# when the project is configured, not when it is built, so no build tool is needed either.
#
# What Slicer answers with an error is an error here: a listed file that is not there, an unknown parameter. So is what
# Slicer lets pass and what then breaks the installed extension: an absolute path, a path that leaves the module's
# folder, a script among the resources or the other way round, one file installed by two modules.

include(CTest)

if(NOT DEFINED EXTENSION_NAME)
  set(EXTENSION_NAME "${PROJECT_NAME}")
endif()

function(_slicer_install_module_file module kind file)
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  if(IS_ABSOLUTE "${file}" OR file MATCHES "(^|/)\\.\\.(/|$)")
    message(FATAL_ERROR "${module} lists '${file}', which is not a path inside the module's folder.")
  endif()
  if(NOT EXISTS "${source}" OR IS_DIRECTORY "${source}")
    message(FATAL_ERROR "${module} lists the file '${file}', which does not exist.")
  endif()
  if(kind STREQUAL "SCRIPTS" AND NOT file MATCHES "\\.py$" OR kind STREQUAL "RESOURCES" AND file MATCHES "\\.py$")
    message(FATAL_ERROR "${module} lists '${file}' under ${kind}; Python files, and nothing else, are SCRIPTS.")
  endif()
  get_property(taken GLOBAL PROPERTY _slicer_module_files)
  if(file IN_LIST taken)
    message(FATAL_ERROR "${module} installs '${file}', which is installed already: all modules share one folder.")
  endif()
  set_property(GLOBAL APPEND PROPERTY _slicer_module_files "${file}")
  configure_file("${source}" "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/${file}" COPYONLY)
endfunction()

function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(PARSE_ARGV 0 MY "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES")
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule() does not know: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT MY_NAME)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule() needs a NAME.")
  endif()
  if(NOT "${MY_NAME}.py" IN_LIST MY_SCRIPTS)
    message(FATAL_ERROR "The SCRIPTS of ${MY_NAME} lack ${MY_NAME}.py, which Slicer loads.")
  endif()
  foreach(kind SCRIPTS RESOURCES)
    foreach(file IN LISTS MY_${kind})
      _slicer_install_module_file("${MY_NAME}" "${kind}" "${file}")
    endforeach()
  endforeach()
  get_property(modules GLOBAL PROPERTY _slicer_modules)
  if(NOT modules)
    install(DIRECTORY "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/"
      DESTINATION "${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}" COMPONENT RuntimeLibraries)
  endif()
  set_property(GLOBAL APPEND PROPERTY _slicer_modules "${MY_NAME}")
  if(BUILD_TESTING AND MY_WITH_GENERIC_TESTS)
    _slicer_add_test("nomainwindow_qSlicer${MY_NAME}ModuleGenericTest")
  endif()
endfunction()

# Slicer runs the test in the application; here it only gets its name.
function(_slicer_add_test name)
  add_test(NAME "py_${name}" COMMAND "${CMAKE_COMMAND}" -E false)
endfunction()

function(_slicer_add_script_test)
  cmake_parse_arguments(PARSE_ARGV 0 MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS;SCRIPT_ARGS")
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "A test was added with unknown parameters: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(script "${MY_SCRIPT}" ABSOLUTE)
  if(NOT EXISTS "${script}")
    message(FATAL_ERROR "The test script '${MY_SCRIPT}' does not exist.")
  endif()
  get_filename_component(name "${MY_SCRIPT}" NAME_WE)
  _slicer_add_test("${MY_TESTNAME_PREFIX}${name}")
endfunction()

function(slicer_add_python_unittest)
  _slicer_add_script_test(${ARGN})
endfunction()

function(slicer_add_python_test)
  _slicer_add_script_test(${ARGN})
endfunction()
