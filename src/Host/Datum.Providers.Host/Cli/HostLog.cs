using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Cli;

/// <summary>What the program says of itself.</summary>
internal static partial class HostLog
{
    [LoggerMessage(EventId = 1101, Level = LogLevel.Information, Message = "Embedded plane at {Address}, kubeconfig {Kubeconfig}")]
    public static partial void Listening(ILogger logger, Uri address, string kubeconfig);

    [LoggerMessage(EventId = 1102, Level = LogLevel.Information, Message = "Ready, process {Process}")]
    public static partial void Ready(ILogger logger, int process);

    [LoggerMessage(EventId = 1103, Level = LogLevel.Critical, Message = "{Error}")]
    public static partial void Failed(ILogger logger, string error);
}
