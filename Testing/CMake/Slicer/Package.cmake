# Checks the extension's description as Slicer's packaging does and writes it as the catalogue gets it, one
# "name value" a line.

if(NOT EXTENSION_NAME STREQUAL PROJECT_NAME)
  message(FATAL_ERROR "The extension is called '${EXTENSION_NAME}', but the project '${PROJECT_NAME}'.")
endif()
foreach(file README_FILE LICENSE_FILE)
  if(NOT EXISTS "${EXTENSION_${file}}")
    message(FATAL_ERROR "EXTENSION_${file} names '${EXTENSION_${file}}', which does not exist.")
  endif()
endforeach()

set(description "")
foreach(name HOMEPAGE CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  set(value "${EXTENSION_${name}}")
  if(value STREQUAL "")
    message(FATAL_ERROR "EXTENSION_${name} is not set.")
  endif()
  # Slicer hands the values on without quotes, where a semicolon would begin the next argument.
  if(value MATCHES "[;\n]")
    message(FATAL_ERROR "EXTENSION_${name} has a semicolon or a second line.")
  endif()
  string(TOLOWER "${name}" name)
  string(APPEND description "${name} ${value}\n")
endforeach()
file(WRITE "${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext" "${description}")
install(FILES "${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext" DESTINATION "${Slicer_SHARE_DIR}"
  COMPONENT RuntimeLibraries)
