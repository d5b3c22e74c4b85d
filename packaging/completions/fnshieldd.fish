# fish completion for fnshieldd; made by 'fnshield completion fish --daemon'.
complete -c fnshieldd -f
complete -c fnshieldd -l config -r -F -d 'Configuration file'
complete -c fnshieldd -l policy-dir -x -a '(__fish_complete_directories)' -d 'Folder of policies'
complete -c fnshieldd -l listen -x -d 'Address and port of /metrics, or off'
complete -c fnshieldd -l state-dir -x -a '(__fish_complete_directories)' -d 'State folder'
complete -c fnshieldd -l run-dir -x -a '(__fish_complete_directories)' -d 'Folder of the control socket'
complete -c fnshieldd -l mode -x -a 'monitor enforce' -d 'Alert only, or act'
complete -c fnshieldd -l log-level -x -a 'trace debug info warning error' -d 'How much to log'
complete -c fnshieldd -l check -d 'Check configuration and policies, then exit'
complete -c fnshieldd -l version -d 'Print the version and exit'
complete -c fnshieldd -s h -l help -d 'Print help and exit'
