// The shape of IEEE binary32. A finite value is significand * 2^(exponent - SubnormalPoint - 1), where
// exponent 0 counts as 1.
package fp32_pkg;
  localparam integer FractionBits    = 23;
  localparam integer SignificandBits = FractionBits + 1;
  localparam integer ExponentBits    = 8;
  localparam integer Bias            = 127;
  localparam integer SubnormalPoint  = Bias + FractionBits - 1;     // binary point of the smallest subnormal
  localparam integer PointBits       = $clog2(SubnormalPoint + 1) + 1;  // any significand's binary point, signed
  localparam [7:0]   ExponentMax     = 8'hff;
  localparam [30:0]  Infinity        = 31'h7f800000;  // magnitude
  localparam [31:0]  Nan             = 32'h7fc00000;  // what arithmetic makes of every NaN
  localparam [31:0]  One             = 32'h3f800000;
  localparam [31:0]  NegativeZero    = 32'h80000000;
endpackage
