# The vector unit in two sizes, vector_unit_LANES. Compilers take long for long functions, so these are split.
add_library(anzan_rtl_vector STATIC)
set_target_properties(anzan_rtl_vector PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
target_compile_options(anzan_rtl_vector PRIVATE -w)
foreach(lanes 4 16)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/verilated/vector_unit_${lanes})
  verilate(anzan_rtl_vector
    SOURCES ${rtl_dir}/tensor_unit.vlt ${rtl_dir}/vector_unit.vlt
      ${rtl_packages} ${rtl_dir}/vector_unit.sv
    TOP_MODULE vector_unit PREFIX Vvector_unit_${lanes} DIRECTORY ${directory} INCLUDE_DIRS ${rtl_dir}
    VERILATOR_ARGS --no-timing -O3 --output-split-cfuncs 300 -GLanes=${lanes})
  target_include_directories(anzan_rtl_vector SYSTEM INTERFACE ${directory})
endforeach()

set(vector_unit_test vector_unit_cosim_test.cpp ../models/instruction_cases.cpp ../models/instruction_reference.cpp)
anzan_test(vector_unit_cosim_test SOURCES ${vector_unit_test} LIBRARIES anzan_rtl_vector anzan_models
  DEFINITIONS ANZAN_INSTRUCTIONS=800)
anzan_test(vector_unit_long_cosim_test SOURCES ${vector_unit_test} LIBRARIES anzan_rtl_vector anzan_models
  LABELS slow TIMEOUT 600 DEFINITIONS ANZAN_INSTRUCTIONS=20000)
