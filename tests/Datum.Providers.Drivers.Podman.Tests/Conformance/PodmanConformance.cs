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

    protected override ConformanceWorld CreateWorld() => new PodmanWorld(_podman ?? throw new InvalidOperationException("There is no Podman yet."));
}
