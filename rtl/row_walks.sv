// The two walks of a copy through its loop nest: over the rows that are read and, some steps behind, over
// those that are written. load_i begins both at their bases; read_next_i and write_next_i step them. Counts,
// bases, strides and format stay while they run. An offset counts rows from where a walk stands.
module row_walks #(
  parameter integer CountBits = 16
) (
  input  logic                                clk_i,
  input  logic                                rst_ni,
  input  logic                                load_i,
  input  logic [isa_pkg::FormatBits-1:0]      format_i,
  input  logic [isa_pkg::Loops*CountBits-1:0] counts_i,
  input  logic [31:0]                         src_base_i,
  input  logic [isa_pkg::Loops*32-1:0]        src_strides_i,
  input  logic [31:0]                         dst_base_i,
  input  logic [isa_pkg::Loops*32-1:0]        dst_strides_i,
  input  logic                                read_next_i,
  input  logic [4:0]                          read_offset_i,
  output logic [31:0]                         read_line_o,
  output logic [1:0]                          read_sub_o,    // the row's place in a word
  output logic                                read_last_o,
  input  logic                                write_next_i,
  input  logic [4:0]                          write_offset_i,
  output logic [31:0]                         write_line_o,
  output logic [3:0]                          write_be_o,    // of each word
  output logic [1:0]                          source_sub_o,  // where the row that is to be written was read
  output logic                                write_last_o
);
  localparam integer Loops = isa_pkg::Loops;

  logic [Loops-1:0] read_step, read_last, write_step, write_last;
  logic [31:0]      read_row, write_row, read_line, source_line;
  logic [1:0]       source_row, write_sub;
  logic [3:0]       read_be, source_be;

  loop_nest #(.CountBits(CountBits)) u_read_nest (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .start_i  (load_i),
    .next_i   (read_next_i),
    .counts_i (counts_i),
    .last_o   (read_last),
    .step_o   (read_step)
  );
  address_generator u_read (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load_i),
    .next_i    (read_next_i),
    .step_i    (read_step),
    .base_i    (src_base_i),
    .strides_i (src_strides_i),
    .address_o (read_row)
  );
  row_address u_read_row (
    .format_i (format_i),
    .row_i    (read_row + 32'(read_offset_i)),
    .line_o   (read_line),
    .sub_o    (read_sub_o),
    .be_o     (read_be)
  );
  assign read_line_o = read_line;
  assign read_last_o = read_last[0];

  loop_nest #(.CountBits(CountBits)) u_write_nest (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .start_i  (load_i),
    .next_i   (write_next_i),
    .counts_i (counts_i),
    .last_o   (write_last),
    .step_o   (write_step)
  );
  address_generator u_write (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load_i),
    .next_i    (write_next_i),
    .step_i    (write_step),
    .base_i    (dst_base_i),
    .strides_i (dst_strides_i),
    .address_o (write_row)
  );
  row_address u_write_row (
    .format_i (format_i),
    .row_i    (write_row + 32'(write_offset_i)),
    .line_o   (write_line_o),
    .sub_o    (write_sub),
    .be_o     (write_be_o)
  );
  assign write_last_o = write_last[0];

  // Two bits of the source's address are all that its place in a word needs.
  logic [Loops*2-1:0] source_strides;
  for (genvar k = 0; k < Loops; k = k + 1) begin : gen_stride
    assign source_strides[k*2 +: 2] = src_strides_i[k*32 +: 2];
  end
  address_generator #(.AddressBits(2)) u_source (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load_i),
    .next_i    (write_next_i),
    .step_i    (write_step),
    .base_i    (src_base_i[1:0]),
    .strides_i (source_strides),
    .address_o (source_row)
  );
  row_address u_source_row (
    .format_i (format_i),
    .row_i    (32'(source_row)),
    .line_o   (source_line),
    .sub_o    (source_sub_o),
    .be_o     (source_be)
  );

  logic unused;
  assign unused = ^{read_last[Loops-1:1], write_last[Loops-1:1], read_be, source_be, source_line, write_sub};
endmodule
