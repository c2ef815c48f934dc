// The tensor unit: the `tensor` instruction. start_i brings the instruction (in that cycle only) when the unit
// is idle; done_o is set in the cycle in which it ends. Counted from start_i:
//   1 to 4   slots a, b and o are looked up, the loops loaded
//   from 5   tiles enter, a step or a line of spilled accumulators a cycle: address, data, multiply-accumulate
// A tile leaves, a row a cycle (a spill of integers two), through the write-back path from the cycle after its
// last step was added on, while the next one enters the other bank. Reads answer in the cycle after; a
// lookup's answer is isa_pkg::Lookup. seed_i and step_i stay while the unit runs.
module tensor_unit #(
  parameter integer Lanes         = isa_pkg::LanesMin,
  parameter integer SlotPointBits = isa_pkg::LookupQReadWidth,
  parameter integer WidthBits     = isa_pkg::LookupWidthWidth,
  parameter integer LookupBits    = isa_pkg::LookupBits,
  parameter integer Slots         = 1024,
  parameter integer SlotBits      = $clog2(Slots)
) (
  input  logic                                   clk_i,
  input  logic                                   rst_ni,
  input  logic                                   start_i,
  input  logic [32*isa_pkg::TensorWords-1:0]     instruction_i,
  output logic                                   done_o,
  // scratchpad, addresses of lines
  output logic                                   a_re_o,
  output logic [31:0]                            a_addr_o,
  input  logic [32*Lanes-1:0]                    a_rdata_i,
  output logic                                   b_re_o,
  output logic [31:0]                            b_addr_o,
  input  logic [32*Lanes-1:0]                    b_rdata_i,
  output logic                                   c_re_o,
  output logic [31:0]                            c_addr_o,
  input  logic [32*Lanes-1:0]                    c_rdata_i,
  output logic                                   o_we_o,
  output logic [31:0]                            o_addr_o,
  output logic [4*Lanes-1:0]                     o_be_o,
  output logic [32*Lanes-1:0]                    o_wdata_o,
  // settings store
  output logic                                   slot_re_o,
  output logic [SlotBits-1:0]                    slot_addr_o,
  input  logic [LookupBits-1:0]                  slot_rdata_i,
  input  logic [31:0]                            seed_i,
  input  logic [31:0]                            step_i,
  // statistics database
  output logic                                   req_o,
  output logic [SlotBits-1:0]                    slot_o,
  input  logic                                   gnt_i,
  output logic [isa_pkg::CountersPerLine*32-1:0] add_o
);
  localparam integer Loops       = isa_pkg::Loops;
  localparam integer Bits        = isa_pkg::AccumulatorBits;
  localparam integer RowBits     = isa_pkg::TensorRowCountWidth;
  localparam integer LineBits    = RowBits + 1;  // lines of a spilled tile: two a row
  localparam integer PointBits   = SlotPointBits + 1;
  localparam integer BinBits     = $clog2(isa_pkg::HistogramBins);
  localparam integer StrideBits  = Loops * isa_pkg::TensorOStrideWidth;

  // The instruction.
  logic [32*isa_pkg::TensorWords-1:0]    instruction_q;
  logic [isa_pkg::FormatBits-1:0]        format, out_format;
  logic [isa_pkg::TensorReduceWidth-1:0] reduce;
  logic [isa_pkg::InitBits-1:0]          init;
  logic                                  spill, relu, analyse;
  logic [SlotBits-1:0]                   slot_a, slot_b;
  logic [RowBits-1:0]                    row_first, row_count, lane_first, lane_count;
  logic [31:0]                           row_stride, lane_stride;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      instruction_q <= '0;
    end else if (start_i) begin
      instruction_q <= instruction_i;
    end
  end
  assign format      = instruction_q[isa_pkg::TensorFormatLsb +: isa_pkg::TensorFormatWidth];
  assign reduce      = instruction_q[isa_pkg::TensorReduceLsb +: isa_pkg::TensorReduceWidth];
  assign init        = instruction_q[isa_pkg::TensorInitLsb +: isa_pkg::TensorInitWidth];
  assign spill       = instruction_q[isa_pkg::TensorSpillLsb];
  assign relu        = instruction_q[isa_pkg::TensorReluLsb];
  assign analyse     = instruction_q[isa_pkg::TensorAnalyseLsb];
  assign out_format  = instruction_q[isa_pkg::TensorOutFormatLsb +: isa_pkg::TensorOutFormatWidth];
  assign slot_a      = instruction_q[isa_pkg::TensorSlotALsb +: SlotBits];
  assign slot_b      = instruction_q[isa_pkg::TensorSlotBLsb +: SlotBits];
  assign slot_o      = instruction_q[isa_pkg::TensorSlotOLsb +: SlotBits];
  assign row_first   = instruction_q[isa_pkg::TensorRowFirstLsb +: isa_pkg::TensorRowFirstWidth];
  assign row_count   = instruction_q[isa_pkg::TensorRowCountLsb +: isa_pkg::TensorRowCountWidth];
  assign lane_first  = instruction_q[isa_pkg::TensorMaskLaneFirstLsb +: isa_pkg::TensorMaskLaneFirstWidth];
  assign lane_count  = instruction_q[isa_pkg::TensorMaskLaneCountLsb +: isa_pkg::TensorMaskLaneCountWidth];
  assign row_stride  = instruction_q[isa_pkg::TensorXRowStrideLsb +: isa_pkg::TensorXRowStrideWidth];
  assign lane_stride = instruction_q[isa_pkg::TensorXLaneStrideLsb +: isa_pkg::TensorXLaneStrideWidth];

  logic                is_fp32, spilled;
  logic [LineBits-1:0] spill_lines, leave_cycles;
  assign is_fp32      = format == isa_pkg::FormatFp32;
  assign spilled      = init == isa_pkg::InitSpill;
  assign spill_lines  = is_fp32 ? {1'b0, row_count} : {row_count, 1'b0};
  assign leave_cycles = spill ? spill_lines : {1'b0, row_count};

  // Setup: bit k in cycle k.
  logic [isa_pkg::SetupCycles+1:1] setup_q;
  logic                            load;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      setup_q <= '0;
    end else begin
      setup_q <= {setup_q[isa_pkg::SetupCycles:1], start_i};
    end
  end
  assign load        = setup_q[isa_pkg::SetupCycles];
  assign slot_re_o   = setup_q[1] || setup_q[2] || setup_q[4];
  assign slot_addr_o = setup_q[1] ? slot_a : setup_q[2] ? slot_b : slot_o;

  logic [isa_pkg::RoundingBits-1:0] rounding, rounding_q;
  logic signed [SlotPointBits-1:0]  q_write, q_read, q_write_q, q_a_q, q_b_q;
  logic [WidthBits-1:0]             width, width_q;
  logic [31:0]                      key, key_q;
  logic signed [PointBits-1:0]      point;  // of the accumulators
  assign width    = slot_rdata_i[isa_pkg::LookupWidthLsb +: isa_pkg::LookupWidthWidth];
  assign q_read   = slot_rdata_i[isa_pkg::LookupQReadLsb +: isa_pkg::LookupQReadWidth];
  assign q_write  = slot_rdata_i[isa_pkg::LookupQWriteLsb +: isa_pkg::LookupQWriteWidth];
  assign rounding = slot_rdata_i[isa_pkg::LookupRoundingLsb +: isa_pkg::LookupRoundingWidth];
  random_key #(.SlotBits(SlotBits)) u_key (.seed_i(seed_i), .step_i(step_i), .slot_i(slot_o), .key_o(key));
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      q_a_q      <= '0;
      q_b_q      <= '0;
      rounding_q <= '0;
      q_write_q  <= '0;
      width_q    <= '0;
      key_q      <= '0;
    end else begin
      if (setup_q[2]) q_a_q <= q_read;
      if (setup_q[3]) q_b_q <= q_read;
      if (setup_q[5]) begin
        rounding_q <= rounding;
        q_write_q  <= q_write;
        width_q    <= width;
      end
      if (load) key_q <= key;
    end
  end
  assign point = PointBits'(q_a_q) + PointBits'(q_b_q);

  // Address: c, o and x follow the outer loops only, and begin at the first row.
  logic                  lead, step, fresh, tile_end, all_end;
  logic [LineBits-1:0]   line;
  logic [Loops-1:0]      nest_step;
  logic [StrideBits-1:0] outer;  // ones for the strides of outer loops
  logic [31:0]           c_base, o_base, x_base, c_tile, o_tile, x_tile;
  tensor_walk u_walk (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .start_i        (load),
    .counts_i       (instruction_q[isa_pkg::TensorLoopsLsb +: Loops*isa_pkg::TensorLoopsWidth]),
    .reduce_i       (reduce),
    .spilled_i      (spilled),
    .spill_lines_i  (spill_lines),
    .leave_cycles_i (leave_cycles),
    .lead_o         (lead),
    .line_o         (line),
    .step_o         (step),
    .fresh_o        (fresh),
    .tile_end_o     (tile_end),
    .end_o          (all_end),
    .nest_step_o    (nest_step)
  );
  for (genvar k = 0; k < Loops; k = k + 1) begin : gen_outer
    assign outer[k*32 +: 32] = {32{4'(k) + reduce < 4'(Loops)}};
  end
  assign c_base = instruction_q[isa_pkg::TensorCBaseLsb +: 32] + (spilled ? 32'(row_first) << !is_fp32 : '0);
  assign o_base = instruction_q[isa_pkg::TensorOBaseLsb +: 32] + (32'(row_first) << (spill && !is_fp32));
  assign x_base = instruction_q[isa_pkg::TensorXBaseLsb +: 32] + 32'(row_first) * row_stride;
  address_generator u_a (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load),
    .next_i    (step),
    .step_i    (nest_step),
    .base_i    (instruction_q[isa_pkg::TensorABaseLsb +: 32]),
    .strides_i (instruction_q[isa_pkg::TensorAStrideLsb +: StrideBits]),
    .address_o (a_addr_o)
  );
  address_generator u_b (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load),
    .next_i    (step),
    .step_i    (nest_step),
    .base_i    (instruction_q[isa_pkg::TensorBBaseLsb +: 32]),
    .strides_i (instruction_q[isa_pkg::TensorBStrideLsb +: StrideBits]),
    .address_o (b_addr_o)
  );
  address_generator u_c (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load),
    .next_i    (step),
    .step_i    (nest_step),
    .base_i    (c_base),
    .strides_i (instruction_q[isa_pkg::TensorCStrideLsb +: StrideBits] & outer),
    .address_o (c_tile)
  );
  address_generator u_o (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load),
    .next_i    (step),
    .step_i    (nest_step),
    .base_i    (o_base),
    .strides_i (instruction_q[isa_pkg::TensorOStrideLsb +: StrideBits] & outer),
    .address_o (o_tile)
  );
  address_generator u_x (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load),
    .next_i    (step),
    .step_i    (nest_step),
    .base_i    (x_base),
    .strides_i (instruction_q[isa_pkg::TensorXStrideLsb +: StrideBits] & outer),
    .address_o (x_tile)
  );
  assign a_re_o   = step;
  assign b_re_o   = step;
  assign c_re_o   = spilled ? lead : step && fresh && init == isa_pkg::InitBias;
  assign c_addr_o = spilled ? c_tile + 32'(line) : c_tile;

  // Data: lines and what accumulators start from are registered, the latter as accumulators. Where spilled
  // accumulators are two lines, the lower words wait for the upper ones.
  logic                  step_q, begin_q, load_q, upper_q, tile_end_q, all_end_q;
  logic [RowBits-1:0]    load_row_q;
  logic                  add_q, added_end_q, added_all_q;
  logic [Lanes-1:0]      start_rows_q;
  logic [32*Lanes-1:0]   a_q, b_q;
  logic [Bits*Lanes-1:0] start_q, start_d;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {step_q, begin_q, load_q, upper_q, tile_end_q, all_end_q} <= '0;
      {add_q, added_end_q, added_all_q}                         <= '0;
      load_row_q                                                <= '0;
      start_rows_q                                              <= '0;
    end else begin
      step_q       <= step;
      begin_q      <= step && fresh && !spilled;
      load_q       <= lead && spilled;
      upper_q      <= is_fp32 || line[0];
      load_row_q   <= row_first + (is_fp32 ? line[RowBits-1:0] : line[LineBits-1:1]);
      tile_end_q   <= tile_end;
      all_end_q    <= all_end;
      add_q        <= step_q;
      start_rows_q <= {Lanes{begin_q}} | (Lanes'(load_q && upper_q) << load_row_q);
      added_end_q  <= tile_end_q;
      added_all_q  <= all_end_q;
    end
  end
  for (genvar k = 0; k < Lanes; k = k + 1) begin : gen_start
    logic [31:0]     word;
    logic [Bits-1:0] bias;
    assign word = c_rdata_i[32*k +: 32];
    bias_to_accumulator u_bias (.bias_i(word), .point_i(point), .accumulator_o(bias));
    always_comb begin
      start_d[Bits*k +: Bits] = Bits'(word);
      if (init == isa_pkg::InitZero) start_d[Bits*k +: Bits] = '0;
      if (init == isa_pkg::InitBias && !is_fp32) start_d[Bits*k +: Bits] = bias;
      if (spilled && !is_fp32 && upper_q) start_d[Bits*k +: Bits] = {word[Bits-33:0], start_q[Bits*k +: 32]};
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      a_q     <= '0;
      b_q     <= '0;
      start_q <= '0;
    end else begin
      if (step_q) begin
        a_q <= a_rdata_i;
        b_q <= b_rdata_i;
      end
      if (begin_q || load_q) start_q <= start_d;
    end
  end

  // Multiply-accumulate; a tile's last step turns the banks.
  logic                  bank_q, all_q, upper_half_q;
  logic [LineBits-1:0]   leaving_q;
  logic [RowBits-1:0]    row_q;
  logic [31:0]           o_entered_q, x_entered_q, o_q, x_q;
  logic [Bits*Lanes-1:0] accumulators, values;
  mac_array #(.Lanes(Lanes)) u_array (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .bank_i         (bank_q),
    .format_i       (format),
    .start_rows_i   (start_rows_q),
    .by_row_i       (!spilled),
    .start_values_i (start_q),
    .valid_i        (add_q),
    .a_i            (a_q),
    .b_i            (b_q),
    .row_i          (row_q[$clog2(Lanes)-1:0]),
    .row_o          (accumulators)
  );

  // Leave. Where a tile goes waits in *_entered_q for its last step to be added: that of the next tile is at
  // least two cycles later. A spill goes through the write-back path as words of FP32.
  logic splits, row_ends;
  assign splits   = spill && !is_fp32;
  assign row_ends = !splits || upper_half_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {bank_q, all_q, upper_half_q} <= '0;
      leaving_q                     <= '0;
      row_q                         <= '0;
      {o_entered_q, x_entered_q}    <= '0;
      {o_q, x_q}                    <= '0;
    end else begin
      if (tile_end) {o_entered_q, x_entered_q} <= {o_tile, x_tile};
      if (added_end_q) begin
        bank_q       <= !bank_q;
        all_q        <= added_all_q;
        leaving_q    <= leave_cycles;
        upper_half_q <= 1'b0;
        row_q        <= row_first;
        {o_q, x_q}   <= {o_entered_q, x_entered_q};
      end else if (leaving_q != '0) begin
        leaving_q    <= leaving_q - 1'b1;
        upper_half_q <= splits && !upper_half_q;
        row_q        <= row_q + RowBits'(row_ends);
        o_q          <= o_q + 1'b1;
        x_q          <= x_q + row_stride;
      end
    end
  end
  for (genvar j = 0; j < Lanes; j = j + 1) begin : gen_value
    logic signed [Bits-1:0] accumulator;
    assign accumulator = accumulators[Bits*j +: Bits];
    assign values[Bits*j +: Bits] = upper_half_q ? accumulator >>> 32 : accumulator;
  end

  logic                     last;
  logic [Lanes-1:0]         counted, zero, saturated_high, saturated_low, underflow;
  logic [Lanes*BinBits-1:0] bin;
  write_back #(.Lanes(Lanes)) u_write_back (
    .clk_i            (clk_i),
    .rst_ni           (rst_ni),
    .is_fp32_i        (is_fp32 || spill),
    .point_i          (point),
    .relu_i           (relu && !spill),
    .out_format_i     (spill ? isa_pkg::FormatFp32 : out_format),
    .lane_first_i     (spill ? '0 : lane_first),
    .lane_count_i     (spill ? 6'(Lanes) : lane_count),
    .width_i          (width_q),
    .q_i              (q_write_q),
    .rounding_i       (rounding_q),
    .key_i            (key_q),
    .lane_stride_i    (lane_stride),
    .valid_i          (leaving_q != '0),
    .last_i           (all_q && leaving_q == LineBits'(1)),
    .row_i            (o_q),
    .index_i          (x_q),
    .values_i         (values),
    .o_we_o           (o_we_o),
    .o_addr_o         (o_addr_o),
    .o_be_o           (o_be_o),
    .o_wdata_o        (o_wdata_o),
    .last_o           (last),
    .counted_o        (counted),
    .zero_o           (zero),
    .bin_o            (bin),
    .saturated_high_o (saturated_high),
    .saturated_low_o  (saturated_low),
    .underflow_o      (underflow)
  );
  statistics_merge #(.Lanes(Lanes)) u_merge (
    .clk_i            (clk_i),
    .rst_ni           (rst_ni),
    .start_i          (start_i),
    .analyse_i        (analyse && !spill),
    .last_i           (last),
    .done_o           (done_o),
    .counted_i        (counted),
    .zero_i           (zero),
    .bin_i            (bin),
    .saturated_high_i (saturated_high),
    .saturated_low_i  (saturated_low),
    .underflow_i      (underflow),
    .req_o            (req_o),
    .gnt_i            (gnt_i),
    .add_o            (add_o)
  );

  logic unused_bits;
  assign unused_bits = ^{instruction_q, row_q[RowBits-1:$clog2(Lanes)]};
endmodule
