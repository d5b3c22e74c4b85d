# SPDX-License-Identifier: Apache-2.0
#
# The shipped policies, compiled in: policies/*.yaml → a table in shipped_policies.cpp. The files are the only source.
#
# Included by the build it sets SHIPPED_POLICIES_CPP; run with `cmake -P` it writes that file.
if(CMAKE_SCRIPT_MODE_FILE)
  set(delimiter "fnshield_policy")
  file(WRITE ${OUTPUT} "// Made from policies/*.yaml by cmake/EmbedPolicies.cmake.\n"
    "#include \"daemon/policy/policy_set.h\"\n\nnamespace fnshield {\n\n"
    "std::span<const PolicyText> shipped_policies()\n{\n"
    "    static const std::vector<PolicyText> kPolicies = {\n")
  foreach(policy IN LISTS POLICIES)
    get_filename_component(name ${policy} NAME)
    file(READ ${policy} text)
    file(APPEND ${OUTPUT} "        {\"${name}\", R\"${delimiter}(${text})${delimiter}\"},\n")
  endforeach()
  file(APPEND ${OUTPUT} "    };\n    return kPolicies;\n}\n\n}  // namespace fnshield\n")
  return()
endif()

file(GLOB SHIPPED_POLICIES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/policies/*.yaml)
set(SHIPPED_POLICIES_CPP ${CMAKE_BINARY_DIR}/shipped_policies.cpp)
add_custom_command(OUTPUT ${SHIPPED_POLICIES_CPP}
  COMMAND ${CMAKE_COMMAND} "-DPOLICIES=${SHIPPED_POLICIES}" -DOUTPUT=${SHIPPED_POLICIES_CPP}
          -P ${CMAKE_CURRENT_LIST_FILE}
  DEPENDS ${SHIPPED_POLICIES} ${CMAKE_CURRENT_LIST_FILE}
  COMMENT "shipped policies" VERBATIM)
