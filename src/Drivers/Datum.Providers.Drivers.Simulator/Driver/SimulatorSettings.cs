using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>ProviderConfig <c>spec.settings</c> of this driver.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SimulatorSettings
{
    /// <summary>
    /// A folder that holds the simulated platform, used when no endpoint is set: the platform then lives inside the session and its state here.
    /// </summary>
    public string? StatePath { get; init; }

    /// <summary>The account id of a platform that is made in <see cref="StatePath"/>. Default: one made at random.</summary>
    public string? AccountId { get; init; }

    /// <summary>Seed of the platform's randomness. Default 1.</summary>
    public int? Seed { get; init; }

    /// <summary>How the platform behaves; with an endpoint only <see cref="SimulatorKnobs.CreateClasses"/> counts here and must be the platform's.</summary>
    public SimulatorKnobs? Knobs { get; init; }
}

/// <summary>The block under <c>Location.spec.provider.simulator</c>.</summary>
public sealed record SimulatorLocation
{
    /// <summary>Region, for people.</summary>
    public string? Region { get; init; }

    /// <summary>Zone that instances and disks are made in.</summary>
    public string? Zone { get; init; }
}

/// <summary>What a factory promises in its descriptor. Tests give the platform's knobs and this the same values.</summary>
public sealed record SimulatorProfile
{
    /// <summary>Whether networks hold ranges. Default NetworkFirst.</summary>
    public RangeOrder RangeOrder { get; init; } = RangeOrder.NetworkFirst;

    /// <summary>Whether a network that holds ranges can be given more of them. Default true.</summary>
    public bool WidensNetworks { get; init; } = true;

    /// <summary>The weakest class that a session may be set to, for every kind. Default Marked; settings with a weaker one are refused.</summary>
    public CreateClass WeakestCreateClass { get; init; } = CreateClass.Marked;

    /// <summary>The declared window. Default 5 seconds.</summary>
    public TimeSpan ConsistencyWindow { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The declared life of tokens. Default 10 minutes.</summary>
    public TimeSpan TokenLife { get; init; } = TimeSpan.FromMinutes(10);
}
