# The tensor unit in two sizes, tensor_unit_LANES. More optimisation costs more than it saves here.
add_library(anzan_rtl_tensor STATIC)
set_target_properties(anzan_rtl_tensor PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
target_compile_options(anzan_rtl_tensor PRIVATE -w -O1)
foreach(lanes 4 16)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/verilated/tensor_unit_${lanes})
  verilate(anzan_rtl_tensor
    SOURCES ${rtl_dir}/tensor_unit.vlt ${rtl_packages} ${rtl_dir}/tensor_unit.sv
    TOP_MODULE tensor_unit PREFIX Vtensor_unit_${lanes} DIRECTORY ${directory} INCLUDE_DIRS ${rtl_dir}
    VERILATOR_ARGS --no-timing -O3 -GLanes=${lanes})
  target_include_directories(anzan_rtl_tensor SYSTEM INTERFACE ${directory})
endforeach()

set(tensor_unit_test tensor_unit_cosim_test.cpp ../models/instruction_cases.cpp ../models/instruction_reference.cpp)
anzan_test(tensor_unit_cosim_test SOURCES ${tensor_unit_test} LIBRARIES anzan_rtl_tensor anzan_models
  DEFINITIONS ANZAN_INSTRUCTIONS=1000)
anzan_test(tensor_unit_long_cosim_test SOURCES ${tensor_unit_test} LIBRARIES anzan_rtl_tensor anzan_models
  LABELS slow TIMEOUT 600 DEFINITIONS ANZAN_INSTRUCTIONS=5000)
