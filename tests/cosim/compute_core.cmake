# The whole core, as the engine `rtl` runs it, against models and functional engine.
anzan_test(compute_core_cosim_test SOURCES compute_core_cosim_test.cpp
  LIBRARIES anzan_sim anzan_test_chip anzan_reference anzan_clocked TIMEOUT 300)
