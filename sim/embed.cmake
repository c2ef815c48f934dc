# Writes OUT: a C++ source with the text of each file of FILES under "folder/name.json".
# Run as: cmake -DOUT=embedded.cpp "-DFILES=a.json;b.json" -P embed.cmake
set(text "// Written by sim/embed.cmake.\n#include \"sim/host/embedded.hpp\"\n\nnamespace anzan::sim {\n\n")
string(APPEND text "const std::map<std::string, std::string>& embedded_files() {\n")
string(APPEND text "  static const std::map<std::string, std::string> files{\n")
foreach(file IN LISTS FILES)
  get_filename_component(folder ${file} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  get_filename_component(name ${file} NAME)
  file(READ ${file} content)
  string(APPEND text "      {\"${folder}/${name}\", R\"~~~(${content})~~~\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n}  // namespace anzan::sim\n")
file(WRITE ${OUT} "${text}")
