# Stands in for a built 3D Slicer in find_package(Slicer), as far as an extension of scripted modules needs one.
# Configure with -DSlicer_DIR=<this folder>; see NoCompiler.cmake beside it for machines without a compiler.

# Slicer finds its Python by a module that this policy of CMake 3.27 hides.
if(POLICY CMP0148)
  cmake_policy(GET CMP0148 _hidden)
  if(_hidden STREQUAL "NEW")
    message(FATAL_ERROR "Let cmake_minimum_required(VERSION first...last) end below 3.27, because of CMP0148.")
  endif()
endif()

set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/GenerateConfig.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/Package.cmake")

set(Slicer_VERSION "5.13.0")
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-5.13/qt-scripted-modules")
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
set(Slicer_SHARE_DIR "share/Slicer-5.13")
