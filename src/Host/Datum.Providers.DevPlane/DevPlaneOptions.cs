using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.DevPlane;

/// <summary>What a bearer token may do.</summary>
public enum PlaneAccess
{
    Unknown = 0,
    Read = 1,
    Write = 2,
}

/// <summary>A bearer token of the plane. <see cref="ToString"/> never shows it.</summary>
public sealed record PlaneToken
{
    public required string Token { get; init; }
    public string User { get; init; } = "admin";
    public PlaneAccess Access { get; init; } = PlaneAccess.Write;

    public override string ToString() => $"{User} ({Access})";
}

/// <summary>Settings of the embedded plane.</summary>
public sealed record DevPlaneOptions
{
    /// <summary>Folder of the log (made with mode 0700); null keeps everything in memory.</summary>
    public string? StatePath { get; init; }

    /// <summary>Address to bind; anything but loopback is refused.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 takes a free port.</summary>
    public int Port { get; init; }

    /// <summary>Known tokens; empty makes one random token with write access, which the kubeconfig carries.</summary>
    public IReadOnlyList<PlaneToken> Tokens { get; init; } = [];

    /// <summary>Planes of their own for the objects of some kinds, and who may use them; null serves the core plane alone.</summary>
    public FrontDoorOptions? FrontDoor { get; init; }
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Evaluators of validation rules; CRDs with other rules are refused.</summary>
    public ICelRules CelRules { get; init; } = new CelRules();

    /// <summary>Changes kept per resource for watches to resume from; older ones answer 410.</summary>
    public int HistoryLimit { get; init; } = 8192;

    /// <summary>Time between bookmarks on an otherwise silent watch.</summary>
    public TimeSpan BookmarkInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Changes that a slow watch may lag behind before it is ended.</summary>
    public int WatchBuffer { get; init; } = 1024;
}
