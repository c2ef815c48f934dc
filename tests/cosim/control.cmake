# The blocks that control and move, in several sizes: MODULE_LANES, or MODULE_LANES_PARAMETER.
add_library(anzan_rtl_control STATIC)
set_target_properties(anzan_rtl_control PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
target_compile_options(anzan_rtl_control PRIVATE -w -O1)
function(anzan_control_block name module)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/verilated/${name})
  verilate(anzan_rtl_control SOURCES ${rtl_packages} ${rtl_dir}/${module}.sv TOP_MODULE ${module} PREFIX V${name}
    DIRECTORY ${directory} INCLUDE_DIRS ${rtl_dir} VERILATOR_ARGS --no-timing -O3 ${ARGN})
  target_include_directories(anzan_rtl_control SYSTEM INTERFACE ${directory})
endfunction()
anzan_control_block(semaphores semaphores)
anzan_control_block(sequencer_4_1 sequencer -GLanes=4 -GQueueDepth=1)
anzan_control_block(sequencer_16_8 sequencer -GLanes=16 -GQueueDepth=8)
anzan_control_block(sequencer_32_3 sequencer -GLanes=32 -GQueueDepth=3)
anzan_control_block(dma_4_1 dma -GLanes=4 -GOutstanding=1)
anzan_control_block(dma_16_64 dma -GLanes=16 -GOutstanding=64)
anzan_control_block(dma_32_5 dma -GLanes=32 -GOutstanding=5)
anzan_control_block(network_unit_4 network_unit -GLanes=4)
anzan_control_block(network_unit_16 network_unit -GLanes=16)
anzan_control_block(scratchpad_4 scratchpad -GLanes=4 -GLines=12)
anzan_control_block(scratchpad_16 scratchpad -GLanes=16 -GLines=12)

set(cases ../models/instruction_cases.cpp ../models/instruction_reference.cpp)
set(ticking ../models/clocked/random_schedule.cpp ../models/clocked/ticking_core.cpp
            ../models/clocked/ticking_units.cpp)
anzan_test(semaphores_cosim_test SOURCES semaphores_cosim_test.cpp LIBRARIES anzan_rtl_control)
anzan_test(scratchpad_cosim_test SOURCES scratchpad_cosim_test.cpp LIBRARIES anzan_rtl_control)
anzan_test(sequencer_cosim_test SOURCES sequencer_cosim_test.cpp ${ticking} ${cases}
  LIBRARIES anzan_rtl_control anzan_models)
anzan_test(network_unit_cosim_test SOURCES network_unit_cosim_test.cpp ${cases}
  LIBRARIES anzan_rtl_control anzan_models)
anzan_test(dma_cosim_test SOURCES dma_cosim_test.cpp ${cases} LIBRARIES anzan_rtl_control anzan_models)
