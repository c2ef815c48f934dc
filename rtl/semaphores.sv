// Counters that order the units. Unit u asks with request_i[u] for all semaphores of its mask in wait_i; it is
// granted, and each lowered by one, if all are above zero. Where two ask for the same semaphore, the lower
// unit takes first. What raise_i raises in a cycle counts from the next. Modulo 2^32.
module semaphores #(
  parameter integer Units   = 5,
  parameter integer Raisers = 7
) (
  input  logic                                   clk_i,
  input  logic                                   rst_ni,
  input  logic                                   clear_i,    // all to zero
  input  logic [Units-1:0]                       request_i,
  input  logic [Units*isa_pkg::Semaphores-1:0]   wait_i,     // mask of unit u at u * Semaphores
  output logic [Units-1:0]                       grant_o,
  input  logic [Raisers*isa_pkg::Semaphores-1:0] raise_i     // one mask after the other
);
  localparam integer Semaphores = isa_pkg::Semaphores;
  localparam integer TakenBits  = $clog2(Units + 1);
  localparam integer RaisedBits = $clog2(Raisers + 1);

  logic [Semaphores*32-1:0] value_q, value_d;

  // above[k * Semaphores + s]: semaphore s is above k, after what the units before have taken. Each takes one
  // at most, so Units values of k say all; a grant shifts the semaphores of its mask down by one.
  logic [Units*Semaphores-1:0] above, others;  // others: not in the unit's mask
  always_comb begin
    above   = '0;
    others  = '0;
    grant_o = '0;
    if (request_i != '0) begin
      for (int s = 0; s < Semaphores; s = s + 1) begin
        for (int k = 0; k < Units; k = k + 1) above[k*Semaphores + s] = value_q[s*32 +: 32] > k;
      end
      for (int u = 0; u < Units; u = u + 1) begin
        others     = ~{Units{wait_i[u*Semaphores +: Semaphores]}};
        grant_o[u] = request_i[u] && (above | others | ({Units*Semaphores{1'b1}} << Semaphores)) == '1;
        if (grant_o[u]) above = (above & others) | ((above >> Semaphores) & ~others);
      end
    end
  end

  logic [TakenBits-1:0]  taken;
  logic [RaisedBits-1:0] raised;
  always_comb begin
    value_d = value_q;
    taken   = '0;
    raised  = '0;
    if (grant_o != '0 || raise_i != '0) begin
      for (int s = 0; s < Semaphores; s = s + 1) begin
        taken  = '0;
        raised = '0;
        for (int u = 0; u < Units; u = u + 1) taken = taken + TakenBits'(grant_o[u] && wait_i[u*Semaphores + s]);
        for (int u = 0; u < Raisers; u = u + 1) raised = raised + RaisedBits'(raise_i[u*Semaphores + s]);
        value_d[s*32 +: 32] = value_q[s*32 +: 32] + 32'(raised) - 32'(taken);
      end
    end
    if (clear_i) value_d = '0;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      value_q <= '0;
    end else begin
      value_q <= value_d;
    end
  end
endmodule
