using Datum.Providers.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Conformance;

/// <summary>The kit against a real Podman: ./test --conformance, since it takes many minutes.</summary>
[TestFixture, Category("Conformance")]
public sealed class PodmanConformance : DriverConformance
{
    private PodmanHost? _podman;

    /// <summary>Pulls once what every case runs: pulls have tests of their own.</summary>
    [OneTimeSetUp]
    public async Task FetchImage()
    {
        var podman = await PodmanHost.SharedAsync();
        using var answer = await podman.Client.PostAsync(new Uri($"images/pull?reference={Uri.EscapeDataString(PodmanHost.WebImage)}&quiet=true&policy=missing", UriKind.Relative), null);
        Assert.That(answer.IsSuccessStatusCode, Is.True, await answer.Content.ReadAsStringAsync());
        _podman = podman;
    }

    /// <summary>What stands in docs/providers/podman.md as known.</summary>
    protected override ImmutableDictionary<int, string> KnownDefects => ImmutableDictionary<int, string>.Empty
        .Add(89, "Podman removes a pod's containers with the pod: one request takes several parts.")
        .Add(141, "A copy of a container outside of our pods isn't listed.")
        .Add(149, "The feed names pods only; networks and volumes carry no labels in Podman's events.");

    protected override ConformanceWorld CreateWorld() => new PodmanWorld(_podman ?? throw new InvalidOperationException("There is no Podman yet."));
}
