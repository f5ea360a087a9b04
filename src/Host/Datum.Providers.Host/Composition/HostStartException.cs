namespace Datum.Providers.Host.Composition;

/// <summary>Why the host can't start or go on: one sentence of what was found and one of what to do. The command line prints it and ends with code 1.</summary>
public sealed class HostStartException(string message, Exception? inner = null) : InvalidOperationException(message, inner);
