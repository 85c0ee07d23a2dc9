// Pretraining seeds torch's global generator, which all threads of a process draw from.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
