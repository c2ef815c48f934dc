// The gradient of ReLU on bytes as they are, on AVX-512. Included inside the namespace of a kernel set.

// Whether a job is a > 0 ? c : 0 of bytes whose point stays: what is chosen is then written unchanged.
inline bool selects_bytes(const VectorJob& job) {
  const auto bytes = [](const Operand& operand) {
    return operand.kind == isa::OperandKind::kRows && operand.format == isa::Format::kInt8;
  };
  const Output& out = job.output;
  return job.op == isa::VectorOp::kSelectGt && bytes(job.a) && bytes(job.c) && job.fold_count == 1 &&
         job.b.kind == isa::OperandKind::kScalar && float_of(job.b.bits) == 0.0F &&
         out.format == isa::Format::kInt8 && !out.relu && !out.analyse && out.width == 8 &&
         job.c.scale == __builtin_ldexpf(1.0F, -out.q);
}

// False, with nothing written, where the rows are not lines that follow each other.
template <int L>
inline bool select_bytes(const VectorJob& job, const std::int64_t* a, const std::int64_t* c,
                         const std::int64_t* o, int n) {
  if (n % 4 != 0 || !selects_bytes(job)) return false;
  if (!are_lines(a, n) || !are_lines(c, n) || !are_lines(o, n)) return false;
  const bool streams = job.output.past_caches && job.output.lane_count == L;
  std::uint64_t lanes[L / 16] = {};
  for (int j = job.output.lane_first; j < job.output.lane_first + job.output.lane_count; ++j)
    lanes[j / 16] |= std::uint64_t{15} << (4 * (j % 16));
  for (int k = 0; k < n; k += 4)
    for (int h = 0; h < L / 16; ++h) {
      const __mmask64 above = _mm512_cmpgt_epi8_mask(_mm512_loadu_si512(job.a.memory + a[k] * L + 64 * h),
                                                     _mm512_setzero_si512());
      const __m512i chosen = _mm512_maskz_loadu_epi8(above, job.c.memory + c[k] * L + 64 * h);
      std::uint8_t* const to = job.output.memory + o[k] * L + 64 * h;
      if (streams)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to), chosen);
      else
        _mm512_mask_storeu_epi8(to, lanes[h], chosen);
    }
  return true;
}
