using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Drivers.Podman.Instances;
using Datum.Providers.Drivers.Podman.Libpod;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Drivers.Podman;

/// <summary>What the kinds of one session have in common.</summary>
internal sealed record Session
{
    public required LibpodClient Podman { get; init; }

    public required Connection Connection { get; init; }

    public required PodmanSettings Settings { get; init; }

    public required INetworkNamespaceFirewall Firewall { get; init; }

    public required TimeProvider Time { get; init; }

    public required ILogger Logger { get; init; }

    /// <summary>What a container's image is here: ProviderConfig <c>images</c> may give another name for what the user wrote. Null when that is no reference.</summary>
    public string? ImageOf(ContainerSpec container) => ImageOf(Connection, container);

    public static string? ImageOf(Connection connection, ContainerSpec container) =>
        ImageReference.Normalize(connection.Images.GetValueOrDefault(container.Image, container.Image));

    public string InstallLabel => $"{Marks.InstallKey}={Connection.Installation}";

    public static string KindLabel(ResourceKind kind) => $"{Marks.KindKey}={ResourceNames.Prefix(kind)}";

    /// <summary>A step that no observation of this driver names here: another version may have named it, so the host looks again (DC-15).</summary>
    public static DriverError UnknownStep(Step step) => new()
    {
        Code = ErrorCode.PreconditionFailed,
        Effect = Effect.NotApplied,
        Message = $"There is no step '{step.Part}' for {step.Verb}.",
    };

    /// <summary>What is recorded is gone; another in its place would belong to another life (DC-24).</summary>
    public static DriverError Gone(string what) => new()
    {
        Code = ErrorCode.PreconditionFailed,
        Effect = Effect.NotApplied,
        Message = $"{what} is recorded and isn't there any more; it isn't made again in this life.",
    };

    /// <summary>The object isn't ours, so nothing is done to it (law L3).</summary>
    public static DriverError NotOurs(string what, MarkState mark) => new()
    {
        Code = ErrorCode.Conflict,
        Effect = Effect.NotApplied,
        Scope = ErrorScope.Resource,
        Message = mark == MarkState.Missing ? $"{what} exists and carries no mark; it is left alone." : $"{what} exists and belongs to somebody else; it is left alone.",
        BlockedBy = [what],
    };
}

/// <summary>Names at Podman.</summary>
internal static class PodmanNames
{
    private static readonly NameRules Rules = new() { MaxLength = 128 };

    public static string For(Identity id, string? part = null) => ResourceNames.For(id, Rules, part);

    /// <summary>
    /// The bridge's interface name: at most 15 characters, so a hash. Left to itself each Podman counts from podman0, and two on one machine
    /// (a test beside a running installation) would share a bridge.
    /// </summary>
    public static string Bridge(Identity id) =>
        "dp" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{id.Installation}/{id.Name}")))[..12];
}
