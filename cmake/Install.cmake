# Where a distribution would put it all.
install(TARGETS fnshieldd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS fnshield RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
