// The compute core: sequencer, units, scratchpad, settings and statistics, joined. Outside are program memory,
// HBM, the host and the network: a row of a put to another core leaves at send_* and arrives there at arrival_*, the
// last with the semaphores that it raises. issue_o, start_o and done_o say for each unit what the sequencer does: bit
// number of the unit less one, as traces want it.
module compute_core #(
  parameter integer Lanes           = 16,
  parameter integer ScratchpadLines = 1024,
  parameter integer QueueDepth      = 8,
  parameter integer Outstanding     = 64,
  parameter integer Slots           = 1024,  // at most isa_pkg::SlotsMax
  parameter integer Units           = isa_pkg::UnitCount - 1,  // all but the sequencer
  parameter integer SlotBits        = $clog2(Slots),
  parameter integer StoreHostBits   = 1 + $clog2(isa_pkg::SlotsMax) + $clog2(isa_pkg::SlotSettingsWords),
  parameter integer DatabaseHostBits = $clog2(isa_pkg::SlotsMax) + 1 + $clog2(isa_pkg::StatisticsLines + 1)
                                       + $clog2(isa_pkg::CountersPerLine)
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        begin_i,
  input  logic [isa_pkg::PutCoreWidth-1:0] core_i,  // number of this core
  output logic                        program_done_o,
  output logic [Units-1:0]            issue_o,
  output logic [Units-1:0]            start_o,
  output logic [Units-1:0]            done_o,
  // program memory
  output logic                        pmem_re_o,
  output logic [31:0]                 pmem_addr_o,
  input  logic [32*Lanes-1:0]         pmem_rdata_i,
  // HBM
  output logic                        req_valid_o,
  output logic                        req_write_o,
  output logic [31:0]                 req_line_o,
  output logic [4*Lanes-1:0]          req_be_o,
  output logic [32*Lanes-1:0]         req_wdata_o,
  input  logic                        req_ready_i,
  input  logic                        rsp_valid_i,
  input  logic [32*Lanes-1:0]         rsp_rdata_i,
  // network
  output logic                        send_valid_o,
  output logic                        send_last_o,
  output logic [isa_pkg::PutCoreWidth-1:0] send_core_o,
  output logic [isa_pkg::Semaphores-1:0] send_semaphores_o,
  output logic [31:0]                 send_line_o,
  output logic [4*Lanes-1:0]          send_be_o,
  output logic [32*Lanes-1:0]         send_wdata_o,
  input  logic                        arrival_valid_i,
  input  logic                        arrival_last_i,
  input  logic [isa_pkg::Semaphores-1:0] arrival_semaphores_i,
  input  logic [31:0]                 arrival_line_i,
  input  logic [4*Lanes-1:0]          arrival_be_i,
  input  logic [32*Lanes-1:0]         arrival_wdata_i,
  // the host's words of settings store and statistics database, between programs
  input  logic                        store_re_i,
  input  logic                        store_we_i,
  input  logic [StoreHostBits-1:0]    store_addr_i,
  input  logic [31:0]                 store_wdata_i,
  output logic [31:0]                 store_rdata_o,
  input  logic                        database_re_i,
  input  logic                        database_we_i,
  input  logic [DatabaseHostBits-1:0] database_addr_i,
  input  logic [31:0]                 database_wdata_i,
  output logic [31:0]                 database_rdata_o
);
  localparam integer DmaWords = isa_pkg::CopyWords > isa_pkg::TransposeWords ? isa_pkg::CopyWords
                                                                            : isa_pkg::TransposeWords;
  localparam integer LineBits = 32 * Lanes;
  localparam integer LookupBits = isa_pkg::LookupBits;
  localparam integer CounterLine = isa_pkg::CountersPerLine * 32;
  localparam integer PieceBits = isa_pkg::CounterMoveWords * 32;
  localparam integer NumberBits =
      $clog2(isa_pkg::StatisticsLines * isa_pkg::CountersPerLine / isa_pkg::CounterMoveWords + 1);
  localparam integer EntryBits = isa_pkg::SlotSettingsWords * 32;
  localparam integer StateBits = isa_pkg::SlotSettingsStateWords * 32;

  logic [32*DmaWords-1:0]             dma_instruction;
  logic [32*isa_pkg::TensorWords-1:0] tensor_instruction;
  logic [32*isa_pkg::VectorWords-1:0] vector_instruction;
  logic [32*isa_pkg::TakeWords-1:0]   settings_instruction;
  logic [32*isa_pkg::PutWords-1:0]    network_instruction;

  // Test benches compare merges and writes of settings with their models: they read what is public below.
  // The scratchpad has fifteen ports of the same three or four signals. yosys reads neither interfaces nor arrays of
  // structs at ports, so each stands here, at its unit and at the scratchpad, by name.
  logic                tensor_a_re;
  logic [31:0]         tensor_a_addr;
  logic [LineBits-1:0] tensor_a_rdata;
  logic                tensor_b_re;
  logic [31:0]         tensor_b_addr;
  logic [LineBits-1:0] tensor_b_rdata;
  logic                tensor_c_re;
  logic [31:0]         tensor_c_addr;
  logic [LineBits-1:0] tensor_c_rdata;
  logic                tensor_o_we;
  logic [31:0]         tensor_o_addr;
  logic [4*Lanes-1:0]  tensor_o_be;
  logic [LineBits-1:0] tensor_o_wdata;
  logic                vector_a_re;
  logic [31:0]         vector_a_addr;
  logic [LineBits-1:0] vector_a_rdata;
  logic                vector_b_re;
  logic [31:0]         vector_b_addr;
  logic [LineBits-1:0] vector_b_rdata;
  logic                vector_c_re;
  logic [31:0]         vector_c_addr;
  logic [LineBits-1:0] vector_c_rdata;
  logic                vector_o_we;
  logic [31:0]         vector_o_addr;
  logic [4*Lanes-1:0]  vector_o_be;
  logic [LineBits-1:0] vector_o_wdata;
  logic                dma_r_re;
  logic [31:0]         dma_r_addr;
  logic [LineBits-1:0] dma_r_rdata;
  logic                dma_w_we;
  logic [31:0]         dma_w_addr;
  logic [4*Lanes-1:0]  dma_w_be;
  logic [LineBits-1:0] dma_w_wdata;
  logic                network_r_re;
  logic [31:0]         network_r_addr;
  logic [LineBits-1:0] network_r_rdata;
  logic                network_w_we;
  logic [31:0]         network_w_addr;
  logic [4*Lanes-1:0]  network_w_be;
  logic [LineBits-1:0] network_w_wdata;
  logic                counter_r_re, counter_w_we;
  logic [31:0]         counter_addr, counter_line;
  logic [4*Lanes-1:0]  counter_be;
  logic [LineBits-1:0] counter_rdata, counter_wdata;
  logic [PieceBits-1:0]  counter_r_piece, counter_w_piece;
  logic [NumberBits-1:0] counter_number;
  logic [isa_pkg::Semaphores-1:0] network_raise, arrival_raise;
  logic                  tensor_slot_re;
  logic [SlotBits-1:0]   tensor_slot_addr;
  logic [LookupBits-1:0] tensor_slot_rdata;
  logic                  tensor_request;
  logic [SlotBits-1:0]   tensor_entry /* verilator public_flat_rd */;
  logic [CounterLine-1:0] tensor_add;
  logic                  vector_slot_re;
  logic [SlotBits-1:0]   vector_slot_addr;
  logic [LookupBits-1:0] vector_slot_rdata;
  logic                  vector_request;
  logic [SlotBits-1:0]   vector_entry /* verilator public_flat_rd */;
  logic [CounterLine-1:0] vector_add;
  logic                             scalar_re;
  logic [$clog2(isa_pkg::Scalars)-1:0] scalar_addr;
  logic [31:0]                      scalar_rdata, seed, step;
  logic                             settings_request, settings_write, settings_give, settings_take;
  logic [SlotBits-1:0]              settings_entry /* verilator public_flat_rd */;
  logic [SlotBits-1:0]              entry_addr /* verilator public_flat_rd */;
  logic [CounterLine-1:0]           settings_window, database_window;
  logic                             entry_re;
  logic                             entry_we_numbers /* verilator public_flat_rd */;
  logic                             entry_we_state /* verilator public_flat_rd */;
  logic [31:0]                      entry_numbers;
  logic [StateBits-1:0]             entry_state;
  logic [EntryBits-1:0]             entry_rdata;
  logic [2:0]                       grant /* verilator public_flat_rd */;

  sequencer #(.Lanes(Lanes), .QueueDepth(QueueDepth)) u_sequencer (
    .clk_i, .rst_ni, .begin_i, .program_done_o, .pmem_re_o, .pmem_addr_o, .pmem_rdata_i,
    .issue_o, .start_o, .done_i(done_o), .raise_i({arrival_raise, network_raise}),
    .dma_instruction_o(dma_instruction), .tensor_instruction_o(tensor_instruction),
    .vector_instruction_o(vector_instruction), .settings_instruction_o(settings_instruction),
    .network_instruction_o(network_instruction)
  );

  scratchpad #(.Lines(ScratchpadLines), .Lanes(Lanes)) u_scratchpad (
    .clk_i,
    .tensor_a_re_i(tensor_a_re), .tensor_a_addr_i(tensor_a_addr), .tensor_a_rdata_o(tensor_a_rdata),
    .tensor_b_re_i(tensor_b_re), .tensor_b_addr_i(tensor_b_addr), .tensor_b_rdata_o(tensor_b_rdata),
    .tensor_c_re_i(tensor_c_re), .tensor_c_addr_i(tensor_c_addr), .tensor_c_rdata_o(tensor_c_rdata),
    .tensor_o_we_i(tensor_o_we), .tensor_o_addr_i(tensor_o_addr),
    .tensor_o_be_i(tensor_o_be), .tensor_o_wdata_i(tensor_o_wdata),
    .vector_a_re_i(vector_a_re), .vector_a_addr_i(vector_a_addr), .vector_a_rdata_o(vector_a_rdata),
    .vector_b_re_i(vector_b_re), .vector_b_addr_i(vector_b_addr), .vector_b_rdata_o(vector_b_rdata),
    .vector_c_re_i(vector_c_re), .vector_c_addr_i(vector_c_addr), .vector_c_rdata_o(vector_c_rdata),
    .vector_o_we_i(vector_o_we), .vector_o_addr_i(vector_o_addr),
    .vector_o_be_i(vector_o_be), .vector_o_wdata_i(vector_o_wdata),
    .dma_r_re_i(dma_r_re), .dma_r_addr_i(dma_r_addr), .dma_r_rdata_o(dma_r_rdata),
    .dma_w_we_i(dma_w_we), .dma_w_addr_i(dma_w_addr),
    .dma_w_be_i(dma_w_be), .dma_w_wdata_i(dma_w_wdata),
    .network_r_re_i(network_r_re), .network_r_addr_i(network_r_addr), .network_r_rdata_o(network_r_rdata),
    .network_w_we_i(network_w_we), .network_w_addr_i(network_w_addr),
    .network_w_be_i(network_w_be), .network_w_wdata_i(network_w_wdata),
    .counter_r_re_i(counter_r_re), .counter_r_addr_i(counter_addr), .counter_r_rdata_o(counter_rdata),
    .counter_w_we_i(counter_w_we), .counter_w_addr_i(counter_addr),
    .counter_w_be_i(counter_be), .counter_w_wdata_i(counter_wdata),
    .arrival_we_i(arrival_valid_i), .arrival_addr_i(arrival_line_i),
    .arrival_be_i, .arrival_wdata_i
  );

  tensor_unit #(.Lanes(Lanes), .Slots(Slots)) u_tensor_unit (
    .clk_i, .rst_ni, .start_i(start_o[isa_pkg::UnitTensor-1]), .instruction_i(tensor_instruction),
    .done_o(done_o[isa_pkg::UnitTensor-1]),
    .a_re_o(tensor_a_re), .a_addr_o(tensor_a_addr), .a_rdata_i(tensor_a_rdata),
    .b_re_o(tensor_b_re), .b_addr_o(tensor_b_addr), .b_rdata_i(tensor_b_rdata),
    .c_re_o(tensor_c_re), .c_addr_o(tensor_c_addr), .c_rdata_i(tensor_c_rdata),
    .o_we_o(tensor_o_we), .o_addr_o(tensor_o_addr), .o_be_o(tensor_o_be), .o_wdata_o(tensor_o_wdata),
    .slot_re_o(tensor_slot_re), .slot_addr_o(tensor_slot_addr), .slot_rdata_i(tensor_slot_rdata),
    .seed_i(seed), .step_i(step),
    .req_o(tensor_request), .slot_o(tensor_entry), .gnt_i(grant[0]), .add_o(tensor_add)
  );

  vector_unit #(.Lanes(Lanes), .Slots(Slots)) u_vector_unit (
    .clk_i, .rst_ni, .start_i(start_o[isa_pkg::UnitVector-1]), .instruction_i(vector_instruction),
    .done_o(done_o[isa_pkg::UnitVector-1]),
    .a_re_o(vector_a_re), .a_addr_o(vector_a_addr), .a_rdata_i(vector_a_rdata),
    .b_re_o(vector_b_re), .b_addr_o(vector_b_addr), .b_rdata_i(vector_b_rdata),
    .c_re_o(vector_c_re), .c_addr_o(vector_c_addr), .c_rdata_i(vector_c_rdata),
    .o_we_o(vector_o_we), .o_addr_o(vector_o_addr), .o_be_o(vector_o_be), .o_wdata_o(vector_o_wdata),
    .slot_re_o(vector_slot_re), .slot_addr_o(vector_slot_addr), .slot_rdata_i(vector_slot_rdata),
    .scalar_re_o(scalar_re), .scalar_addr_o(scalar_addr), .scalar_rdata_i(scalar_rdata),
    .seed_i(seed), .step_i(step),
    .req_o(vector_request), .slot_o(vector_entry), .gnt_i(grant[1]), .add_o(vector_add)
  );

  dma #(.Lanes(Lanes), .Outstanding(Outstanding)) u_dma (
    .clk_i, .rst_ni, .start_i(start_o[isa_pkg::UnitDma-1]), .instruction_i(dma_instruction),
    .done_o(done_o[isa_pkg::UnitDma-1]),
    .r_re_o(dma_r_re), .r_addr_o(dma_r_addr), .r_rdata_i(dma_r_rdata),
    .w_we_o(dma_w_we), .w_addr_o(dma_w_addr), .w_be_o(dma_w_be), .w_wdata_o(dma_w_wdata),
    .req_valid_o, .req_write_o, .req_line_o, .req_be_o, .req_wdata_o, .req_ready_i, .rsp_valid_i, .rsp_rdata_i
  );

  network_unit #(.Lanes(Lanes)) u_network_unit (
    .clk_i, .rst_ni, .start_i(start_o[isa_pkg::UnitNetwork-1]), .instruction_i(network_instruction),
    .core_i, .done_o(done_o[isa_pkg::UnitNetwork-1]),
    .r_re_o(network_r_re), .r_addr_o(network_r_addr), .r_rdata_i(network_r_rdata),
    .w_we_o(network_w_we), .w_addr_o(network_w_addr), .w_be_o(network_w_be), .w_wdata_o(network_w_wdata),
    .raise_o(network_raise), .send_o(send_valid_o), .send_core_o, .send_semaphores_o
  );
  assign send_last_o   = done_o[isa_pkg::UnitNetwork-1];
  assign send_line_o   = network_w_addr;
  assign send_be_o     = network_w_be;
  assign send_wdata_o  = network_w_wdata;
  assign arrival_raise = arrival_valid_i && arrival_last_i ? arrival_semaphores_i : '0;

  settings_optimiser #(.Slots(Slots)) u_settings_optimiser (
    .clk_i, .rst_ni, .start_i(start_o[isa_pkg::UnitSettings-1]), .instruction_i(settings_instruction),
    .done_o(done_o[isa_pkg::UnitSettings-1]),
    .req_o(settings_request), .slot_o(settings_entry), .gnt_i(grant[2]), .write_o(settings_write),
    .give_o(settings_give), .take_o(settings_take),
    .window_i(database_window), .window_o(settings_window),
    .entry_re_o(entry_re), .entry_we_numbers_o(entry_we_numbers), .entry_we_state_o(entry_we_state),
    .entry_addr_o(entry_addr), .entry_numbers_o(entry_numbers), .entry_state_o(entry_state), .entry_i(entry_rdata),
    .line_o(counter_line), .number_o(counter_number), .r_re_o(counter_r_re), .r_piece_i(counter_r_piece),
    .w_we_o(counter_w_we), .w_piece_o(counter_w_piece)
  );

  counter_port #(.Lanes(Lanes)) u_counter_port (
    .clk_i, .rst_ni, .line_i(counter_line), .number_i(counter_number),
    .piece_i(counter_w_piece), .piece_o(counter_r_piece), .re_i(counter_r_re),
    .addr_o(counter_addr), .rdata_i(counter_rdata), .be_o(counter_be), .wdata_o(counter_wdata)
  );

  settings_store #(.Slots(Slots)) u_settings_store (
    .clk_i, .rst_ni,
    .tensor_re_i(tensor_slot_re), .tensor_addr_i(tensor_slot_addr), .tensor_rdata_o(tensor_slot_rdata),
    .vector_re_i(vector_slot_re), .vector_addr_i(vector_slot_addr), .vector_rdata_o(vector_slot_rdata),
    .scalar_re_i(scalar_re), .scalar_addr_i(scalar_addr), .scalar_rdata_o(scalar_rdata),
    .seed_o(seed), .step_o(step),
    .entry_re_i(entry_re), .entry_we_numbers_i(entry_we_numbers), .entry_we_state_i(entry_we_state),
    .entry_addr_i(entry_addr), .entry_numbers_i(entry_numbers), .entry_state_i(entry_state),
    .entry_rdata_o(entry_rdata),
    .host_re_i(store_re_i), .host_we_i(store_we_i), .host_addr_i(store_addr_i), .host_wdata_i(store_wdata_i),
    .host_rdata_o(store_rdata_o)
  );

  statistics_database #(.Slots(Slots)) u_statistics_database (
    .clk_i, .rst_ni,
    .req_i({settings_request, vector_request, tensor_request}),
    .slot_i({settings_entry, vector_entry, tensor_entry}),
    .gnt_o(grant), .add_i({vector_add, tensor_add}),
    .write_i(settings_write), .give_i(settings_give), .take_i(settings_take), .window_i(settings_window), .window_o(database_window),
    .host_re_i(database_re_i), .host_we_i(database_we_i), .host_addr_i(database_addr_i),
    .host_wdata_i(database_wdata_i), .host_rdata_o(database_rdata_o)
  );
endmodule
