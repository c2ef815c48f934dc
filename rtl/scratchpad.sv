// The core's memory: a port a stream, each with a line a cycle, and no arbitration. Data read stand there in
// the next cycle and are those before the writes of their own cycle. Writes change the bytes that be names;
// where two name the same byte, which no legal program does, the later in the list of ports counts. Addresses
// lie below Lines. A test bench may read and write line_q between cycles.
module scratchpad #(
  parameter integer Lines = 1024,
  parameter integer Lanes = 16
) (
  input  logic                               clk_i,
  input  logic                               tensor_a_re_i,
  input  logic [31:0]                        tensor_a_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] tensor_a_rdata_o,
  input  logic                               tensor_b_re_i,
  input  logic [31:0]                        tensor_b_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] tensor_b_rdata_o,
  input  logic                               tensor_c_re_i,
  input  logic [31:0]                        tensor_c_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] tensor_c_rdata_o,
  input  logic                               tensor_o_we_i,
  input  logic [31:0]                        tensor_o_addr_i,
  input  logic [4*Lanes-1:0]                 tensor_o_be_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0] tensor_o_wdata_i,
  input  logic                               vector_a_re_i,
  input  logic [31:0]                        vector_a_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] vector_a_rdata_o,
  input  logic                               vector_b_re_i,
  input  logic [31:0]                        vector_b_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] vector_b_rdata_o,
  input  logic                               vector_c_re_i,
  input  logic [31:0]                        vector_c_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] vector_c_rdata_o,
  input  logic                               vector_o_we_i,
  input  logic [31:0]                        vector_o_addr_i,
  input  logic [4*Lanes-1:0]                 vector_o_be_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0] vector_o_wdata_i,
  input  logic                               dma_r_re_i,
  input  logic [31:0]                        dma_r_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] dma_r_rdata_o,
  input  logic                               dma_w_we_i,
  input  logic [31:0]                        dma_w_addr_i,
  input  logic [4*Lanes-1:0]                 dma_w_be_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0] dma_w_wdata_i,
  input  logic                               network_r_re_i,
  input  logic [31:0]                        network_r_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] network_r_rdata_o,
  input  logic                               network_w_we_i,
  input  logic [31:0]                        network_w_addr_i,
  input  logic [4*Lanes-1:0]                 network_w_be_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0] network_w_wdata_i,
  input  logic                               counter_r_re_i,
  input  logic [31:0]                        counter_r_addr_i,
  output logic [isa_pkg::WordBits*Lanes-1:0] counter_r_rdata_o,
  input  logic                               counter_w_we_i,
  input  logic [31:0]                        counter_w_addr_i,
  input  logic [4*Lanes-1:0]                 counter_w_be_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0] counter_w_wdata_i,
  input  logic                               arrival_we_i,
  input  logic [31:0]                        arrival_addr_i,
  input  logic [4*Lanes-1:0]                 arrival_be_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0] arrival_wdata_i
);
  localparam integer LineBits    = isa_pkg::WordBits * Lanes;
  localparam integer AddressBits = $clog2(Lines);

  logic [LineBits-1:0] line_q[Lines]  /* verilator public_flat_rw */;

  always_ff @(posedge clk_i) begin
    if (tensor_a_re_i) tensor_a_rdata_o <= line_q[tensor_a_addr_i[AddressBits-1:0]];
    if (tensor_b_re_i) tensor_b_rdata_o <= line_q[tensor_b_addr_i[AddressBits-1:0]];
    if (tensor_c_re_i) tensor_c_rdata_o <= line_q[tensor_c_addr_i[AddressBits-1:0]];
    if (vector_a_re_i) vector_a_rdata_o <= line_q[vector_a_addr_i[AddressBits-1:0]];
    if (vector_b_re_i) vector_b_rdata_o <= line_q[vector_b_addr_i[AddressBits-1:0]];
    if (vector_c_re_i) vector_c_rdata_o <= line_q[vector_c_addr_i[AddressBits-1:0]];
    if (dma_r_re_i) dma_r_rdata_o <= line_q[dma_r_addr_i[AddressBits-1:0]];
    if (network_r_re_i) network_r_rdata_o <= line_q[network_r_addr_i[AddressBits-1:0]];
    if (counter_r_re_i) counter_r_rdata_o <= line_q[counter_r_addr_i[AddressBits-1:0]];
  end

  // Two ports may write different bytes of one line: a later port adds to what earlier ones make of it.
  localparam integer Writes = 5;
  logic [Writes-1:0]             we;
  logic [Writes*AddressBits-1:0] addr;
  logic [Writes*4*Lanes-1:0]     be;
  logic [Writes*LineBits-1:0]    wdata, stored, merged;
  assign we    = {counter_w_we_i, network_w_we_i, dma_w_we_i, vector_o_we_i, tensor_o_we_i};
  assign addr  = {counter_w_addr_i[AddressBits-1:0],
                  network_w_addr_i[AddressBits-1:0], dma_w_addr_i[AddressBits-1:0],
                  vector_o_addr_i[AddressBits-1:0], tensor_o_addr_i[AddressBits-1:0]};
  assign be    = {counter_w_be_i, network_w_be_i, dma_w_be_i, vector_o_be_i, tensor_o_be_i};
  assign wdata = {counter_w_wdata_i, network_w_wdata_i, dma_w_wdata_i, vector_o_wdata_i, tensor_o_wdata_i};
  for (genvar p = 0; p < Writes; p = p + 1) begin : gen_stored
    assign stored[p*LineBits +: LineBits] = line_q[addr[p*AddressBits +: AddressBits]];
  end
  always_comb begin
    merged = stored;
    for (int p = 0; p < Writes; p = p + 1) begin
      for (int q = 0; q < Writes; q = q + 1) begin
        if (q < p && we[p] && we[q] &&
            addr[p*AddressBits +: AddressBits] == addr[q*AddressBits +: AddressBits]) begin
          merged[p*LineBits +: LineBits] = merged[q*LineBits +: LineBits];
        end
      end
      if (we[p]) begin
        for (int k = 0; k < 4 * Lanes; k = k + 1) begin
          if (be[p*4*Lanes + k]) merged[p*LineBits + 8*k +: 8] = wdata[p*LineBits + 8*k +: 8];
        end
      end
    end
  end

  // What arrives comes from outside the core, and seldom: it is kept out of the logic above.
  logic [AddressBits-1:0] arrival_addr;
  logic [Writes-1:0]      same;  // another port writes to that line
  assign arrival_addr = arrival_addr_i[AddressBits-1:0];
  for (genvar p = 0; p < Writes; p = p + 1) begin : gen_same
    assign same[p] = we[p] && addr[p*AddressBits +: AddressBits] == arrival_addr;
  end
  function automatic [LineBits-1:0] arrived(
    input [LineBits-1:0] line, input [Writes-1:0] others, input [Writes*LineBits-1:0] lines,
    input [4*Lanes-1:0] enables, input [LineBits-1:0] bytes
  );
    logic [LineBits-1:0] mask;
    arrived = line;
    for (int p = 0; p < Writes; p = p + 1) begin
      if (others[p]) arrived = lines[p*LineBits +: LineBits];
    end
    for (int k = 0; k < 4 * Lanes; k = k + 1) mask[8*k +: 8] = {8{enables[k]}};
    arrived = (arrived & ~mask) | (bytes & mask);
  endfunction

  always_ff @(posedge clk_i) begin
    if (we[0]) line_q[addr[0*AddressBits +: AddressBits]] <= merged[0*LineBits +: LineBits];
    if (we[1]) line_q[addr[1*AddressBits +: AddressBits]] <= merged[1*LineBits +: LineBits];
    if (we[2]) line_q[addr[2*AddressBits +: AddressBits]] <= merged[2*LineBits +: LineBits];
    if (we[3]) line_q[addr[3*AddressBits +: AddressBits]] <= merged[3*LineBits +: LineBits];
    if (we[4]) line_q[addr[4*AddressBits +: AddressBits]] <= merged[4*LineBits +: LineBits];
    if (arrival_we_i) begin
      line_q[arrival_addr] <= arrived(line_q[arrival_addr], same, merged, arrival_be_i, arrival_wdata_i);
    end
  end

  logic unused;
  assign unused = ^{tensor_a_addr_i, tensor_b_addr_i, tensor_c_addr_i, tensor_o_addr_i, vector_a_addr_i,
                    vector_b_addr_i, vector_c_addr_i, vector_o_addr_i, dma_r_addr_i, dma_w_addr_i,
                    network_r_addr_i, network_w_addr_i, counter_r_addr_i, counter_w_addr_i, arrival_addr_i};
endmodule
