using Datum.Providers.Testing;

#pragma warning disable CA1050 // Without a namespace the fixture is the assembly's.
/// <summary>Stops the shared Podman when the last test of the assembly has ended.</summary>
[SetUpFixture]
public sealed class PodmanHostTeardown
{
    [OneTimeTearDown]
    public Task StopAsync() => PodmanHost.StopSharedAsync();
}
#pragma warning restore CA1050
