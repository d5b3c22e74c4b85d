# SPDX-License-Identifier: Apache-2.0
#
# The kernel side: vmlinux.h, one object and one skeleton for each bpf/sensors/*.bpf.c and bpf/probes/*.bpf.c.
#
# Kernel types come from the build machine's BTF where it has one; otherwise from bpf/lib/vmlinux_small.h, which has only
# the fields that are read. Both are CO-RE: the object adapts to the kernel that it is loaded on.
find_program(BPF_CLANG NAMES clang-19 clang REQUIRED)
find_program(BPFTOOL bpftool REQUIRED PATHS /usr/sbin)

set(BPF_OUT ${CMAKE_BINARY_DIR}/bpf)
set(VMLINUX_H ${BPF_OUT}/vmlinux/vmlinux.h)
set(KERNEL_BTF /sys/kernel/btf/vmlinux)
file(MAKE_DIRECTORY ${BPF_OUT}/vmlinux)

if(FNSHIELD_VMLINUX STREQUAL "btf" OR (FNSHIELD_VMLINUX STREQUAL "auto" AND EXISTS ${KERNEL_BTF}))
  add_custom_command(OUTPUT ${VMLINUX_H}
    COMMAND ${BPFTOOL} btf dump file ${KERNEL_BTF} format c > ${VMLINUX_H}
    COMMENT "vmlinux.h from ${KERNEL_BTF}" VERBATIM)
else()
  add_custom_command(OUTPUT ${VMLINUX_H}
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/bpf/lib/vmlinux_small.h ${VMLINUX_H}
    DEPENDS ${CMAKE_SOURCE_DIR}/bpf/lib/vmlinux_small.h
    COMMENT "vmlinux.h from bpf/lib/vmlinux_small.h" VERBATIM)
endif()

file(GLOB BPF_HEADERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/lib/*.h ${CMAKE_SOURCE_DIR}/bpf/sensors/*.h
     ${CMAKE_SOURCE_DIR}/include/fnshield/abi/*.h)

set(BPF_FLAGS -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror -Wno-unused-parameter
    -I${CMAKE_SOURCE_DIR} -I${CMAKE_SOURCE_DIR}/include)

# With a third argument, that file stands in for vmlinux.h.
function(bpf_object source object)
  set(vmlinux ${VMLINUX_H})
  if(ARGC GREATER 2)
    set(vmlinux ${ARGV2})
  endif()
  get_filename_component(vmlinux_folder ${vmlinux} DIRECTORY)
  add_custom_command(OUTPUT ${object}
    COMMAND ${BPF_CLANG} ${BPF_FLAGS} -isystem ${vmlinux_folder} -c ${source} -o ${object}
    DEPENDS ${source} ${BPF_HEADERS} ${vmlinux}
    COMMENT "BPF ${source}" VERBATIM)
endfunction()

set(SHARED_MAPS_OBJECT ${BPF_OUT}/shared_maps.o)
bpf_object(${CMAKE_SOURCE_DIR}/bpf/lib/shared_maps.bpf.c ${SHARED_MAPS_OBJECT})

# name → NAME.skel.h with struct NAME_bpf. The shared maps go first: libbpf 1.1's linker resolves an extern map only
# where its definition came before.
function(bpf_skeleton name)
  set(linked ${BPF_OUT}/${name}.bpf.o)
  set(skeleton ${BPF_OUT}/${name}.skel.h)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen object ${linked} ${ARGN}
    COMMAND ${BPFTOOL} gen skeleton ${linked} name ${name}_bpf > ${skeleton}
    DEPENDS ${ARGN}
    COMMENT "skeleton ${name}" VERBATIM)
  set_property(GLOBAL APPEND PROPERTY FNSHIELD_SKELETONS ${skeleton})
endfunction()

bpf_skeleton(shared_maps ${SHARED_MAPS_OBJECT})

file(GLOB BPF_SENSORS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/sensors/*.bpf.c)
foreach(source ${BPF_SENSORS})
  get_filename_component(name ${source} NAME_WE)
  bpf_object(${source} ${BPF_OUT}/${name}.o)
  bpf_skeleton(${name} ${SHARED_MAPS_OBJECT} ${BPF_OUT}/${name}.o)
endforeach()

# Probes stand alone: they ask what the kernel takes and share no map.
file(GLOB BPF_PROBES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/probes/*.bpf.c)
foreach(source ${BPF_PROBES})
  get_filename_component(name ${source} NAME_WE)
  bpf_object(${source} ${BPF_OUT}/${name}.o)
  bpf_skeleton(${name} ${BPF_OUT}/${name}.o)
endforeach()

get_property(SKELETONS GLOBAL PROPERTY FNSHIELD_SKELETONS)
add_custom_target(fnshield_skeleton_files DEPENDS ${SKELETONS})
add_library(fnshield_skeletons INTERFACE)
add_dependencies(fnshield_skeletons fnshield_skeleton_files)
target_include_directories(fnshield_skeletons SYSTEM INTERFACE ${BPF_OUT})

# The same objects against vmlinux_small.h, whatever this build uses: what kernel_tests compares (label kernel).
if(FNSHIELD_TESTS)
  set(SMALL_OUT ${CMAKE_BINARY_DIR}/bpf-small)
  file(MAKE_DIRECTORY ${SMALL_OUT}/vmlinux)
  add_custom_command(OUTPUT ${SMALL_OUT}/vmlinux/vmlinux.h
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/bpf/lib/vmlinux_small.h ${SMALL_OUT}/vmlinux/vmlinux.h
    DEPENDS ${CMAKE_SOURCE_DIR}/bpf/lib/vmlinux_small.h VERBATIM)
  foreach(source ${BPF_SENSORS} ${BPF_PROBES} ${CMAKE_SOURCE_DIR}/bpf/lib/shared_maps.bpf.c)
    get_filename_component(name ${source} NAME_WE)
    bpf_object(${source} ${SMALL_OUT}/${name}.o ${SMALL_OUT}/vmlinux/vmlinux.h)
    set(parts ${SMALL_OUT}/${name}.o)
    if(source IN_LIST BPF_SENSORS)
      list(PREPEND parts ${SMALL_OUT}/shared_maps.o)
    endif()
    add_custom_command(OUTPUT ${SMALL_OUT}/${name}.bpf.o
      COMMAND ${BPFTOOL} gen object ${SMALL_OUT}/${name}.bpf.o ${parts}
      DEPENDS ${parts} VERBATIM)
    list(APPEND SMALL_OBJECTS ${SMALL_OUT}/${name}.bpf.o)
  endforeach()
  add_custom_target(fnshield_small_objects DEPENDS ${SMALL_OBJECTS})
endif()
