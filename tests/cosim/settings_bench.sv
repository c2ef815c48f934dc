// Settings unit, settings store and statistics database, joined as in the core: the test's top. The ports of
// the tensor and the vector unit, the scratchpad and both host ports are the test's. There are as many slots as an
// instruction can name.
module settings_bench #(
  parameter integer Slots    = isa_pkg::SlotsMax,
  parameter integer SlotBits = $clog2(Slots)
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 start_i,
  input  logic [32*isa_pkg::TakeWords-1:0] instruction_i,
  output logic                 done_o,
  input  logic [1:0]           req_i,
  input  logic [2*SlotBits-1:0] slot_i,
  output logic [2:0]           gnt_o,
  input  logic [511:0]         add_i,
  input  logic                 database_re_i,
  input  logic                 database_we_i,
  input  logic [23:0]          database_addr_i,
  input  logic [31:0]          database_wdata_i,
  output logic [31:0]          database_rdata_o,
  input  logic                 tensor_re_i,
  input  logic [SlotBits-1:0]  tensor_addr_i,
  output logic [isa_pkg::LookupBits-1:0] tensor_rdata_o,
  input  logic                 vector_re_i,
  input  logic [SlotBits-1:0]  vector_addr_i,
  output logic [isa_pkg::LookupBits-1:0] vector_rdata_o,
  input  logic                 scalar_re_i,
  input  logic [7:0]           scalar_addr_i,
  output logic [31:0]          scalar_rdata_o,
  output logic [31:0]          seed_o,
  output logic [31:0]          step_o,
  input  logic                 store_re_i,
  input  logic                 store_we_i,
  input  logic [20:0]          store_addr_i,
  input  logic [31:0]          store_wdata_i,
  output logic [31:0]          store_rdata_o,
  output logic [31:0]          line_o,
  output logic [4:0]           number_o,
  output logic                 r_re_o,
  input  logic [127:0]         r_piece_i,
  output logic                 w_we_o,
  output logic [127:0]         w_piece_o
);
  localparam integer EntryBits = isa_pkg::SlotSettingsWords * 32;
  localparam integer StateBits = isa_pkg::SlotSettingsStateWords * 32;

  logic                 req, write, give, take, entry_re, entry_we_numbers, entry_we_state;
  logic [SlotBits-1:0]  slot, entry_addr;
  logic [255:0]         window_read, window_written;
  logic [31:0]          entry_numbers;
  logic [StateBits-1:0] entry_state;
  logic [EntryBits-1:0] entry;
  settings_optimiser #(.Slots(Slots)) u_optimiser (
    .clk_i              (clk_i),
    .rst_ni             (rst_ni),
    .start_i            (start_i),
    .instruction_i      (instruction_i),
    .done_o             (done_o),
    .req_o              (req),
    .slot_o             (slot),
    .gnt_i              (gnt_o[2]),
    .write_o            (write),
    .give_o             (give),
    .take_o             (take),
    .window_i           (window_read),
    .window_o           (window_written),
    .entry_re_o         (entry_re),
    .entry_we_numbers_o (entry_we_numbers),
    .entry_we_state_o   (entry_we_state),
    .entry_addr_o       (entry_addr),
    .entry_numbers_o    (entry_numbers),
    .entry_state_o      (entry_state),
    .entry_i            (entry),
    .line_o             (line_o),
    .number_o           (number_o),
    .r_re_o             (r_re_o),
    .r_piece_i          (r_piece_i),
    .w_we_o             (w_we_o),
    .w_piece_o          (w_piece_o)
  );
  statistics_database #(.Slots(Slots)) u_database (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .req_i        ({req, req_i}),
    .slot_i       ({slot, slot_i}),
    .gnt_o        (gnt_o),
    .add_i        (add_i),
    .write_i      (write),
    .give_i       (give),
    .take_i       (take),
    .window_i     (window_written),
    .window_o     (window_read),
    .host_re_i    (database_re_i),
    .host_we_i    (database_we_i),
    .host_addr_i  (database_addr_i),
    .host_wdata_i (database_wdata_i),
    .host_rdata_o (database_rdata_o)
  );
  settings_store #(.Slots(Slots)) u_store (
    .clk_i              (clk_i),
    .rst_ni             (rst_ni),
    .tensor_re_i        (tensor_re_i),
    .tensor_addr_i      (tensor_addr_i),
    .tensor_rdata_o     (tensor_rdata_o),
    .vector_re_i        (vector_re_i),
    .vector_addr_i      (vector_addr_i),
    .vector_rdata_o     (vector_rdata_o),
    .scalar_re_i        (scalar_re_i),
    .scalar_addr_i      (scalar_addr_i),
    .scalar_rdata_o     (scalar_rdata_o),
    .seed_o             (seed_o),
    .step_o             (step_o),
    .entry_re_i         (entry_re),
    .entry_we_numbers_i (entry_we_numbers),
    .entry_we_state_i   (entry_we_state),
    .entry_addr_i       (entry_addr),
    .entry_numbers_i    (entry_numbers),
    .entry_state_i      (entry_state),
    .entry_rdata_o      (entry),
    .host_re_i          (store_re_i),
    .host_we_i          (store_we_i),
    .host_addr_i        (store_addr_i),
    .host_wdata_i       (store_wdata_i),
    .host_rdata_o       (store_rdata_o)
  );
endmodule
