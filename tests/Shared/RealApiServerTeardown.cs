using Datum.Providers.Testing;

#pragma warning disable CA1050 // Without a namespace the fixture is the assembly's.
/// <summary>Stops the shared server when the last test of the assembly has ended.</summary>
[SetUpFixture]
public sealed class RealApiServerTeardown
{
    [OneTimeTearDown]
    public Task StopAsync() => RealApiServer.StopSharedAsync();
}
#pragma warning restore CA1050
