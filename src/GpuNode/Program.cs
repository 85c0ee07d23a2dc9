using AlignProp.GpuNode;

return await NodeCommand.RunAsync(args);
