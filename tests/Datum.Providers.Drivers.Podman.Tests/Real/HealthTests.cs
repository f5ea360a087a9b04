using System.Formats.Tar;
using System.Text;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class HealthTests : PodmanFixture
{
    // Without systemd Podman never runs a health check by itself: looking runs it.
    [Test]
    public async Task A_health_check_is_run_and_its_answer_decides_over_readiness()
    {
        var image = await BuildAsync("FROM " + PodmanHost.WebImage + "\nHEALTHCHECK --retries=1 CMD test -f /tmp/well\n");
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network, c => c with { Image = image });
        var sick = (Present<InstanceFacts>)await instance.DriveAsync(spec, o => o is Present<InstanceFacts> { Next: null, State: Lifecycle.Degraded });
        Assert.That(sick.Facts.Guest, Is.EqualTo(GuestHealth.NotReady));
        Assert.That(sick.Facts.Containers.Single(), Is.EqualTo(new ContainerFacts { Name = "web", Running = true, Reason = "InstanceCrashing", Message = "its health check fails" }));

        await PutFileAsync(instance.Id.PartId("container-web")!, "tmp/well");
        var well = await instance.DriveToReadyAsync(spec);

        Assert.That(well.Facts.Guest, Is.EqualTo(GuestHealth.Ready));
        var unasked = await ConnectAsync(settings: """{"healthChecks":false}""");
        Assert.That(((Present<InstanceFacts>)(await unasked.Instances!.ObserveAsync(Calls.New(), instance.Id, spec, null)).Value!).Facts.Guest, Is.EqualTo(GuestHealth.Ready));
    }

    private async Task<string> BuildAsync(string dockerfile)
    {
        await PostAsync($"images/pull?reference={Uri.EscapeDataString(PodmanHost.WebImage)}&quiet=true&policy=missing");
        var name = $"localhost/{Installation}:health";
        using var body = Tar("Dockerfile", dockerfile);
        using var answer = await Podman.Client.PostAsync(new Uri($"build?t={Uri.EscapeDataString(name)}&pullpolicy=never&outputformat={Uri.EscapeDataString("application/vnd.docker.distribution.manifest.v2+json")}", UriKind.Relative), body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.IsSuccessStatusCode && !text.Contains("\"error\"", StringComparison.Ordinal), Is.True, text);
        return name;
    }

    private async Task PutFileAsync(string container, string path)
    {
        using var body = Tar(path, "x");
        using var answer = await Podman.Client.PutAsync(new Uri($"containers/{container}/archive?path=%2F", UriKind.Relative), body);
        Assert.That(answer.IsSuccessStatusCode, Is.True, await answer.Content.ReadAsStringAsync());
    }

    private static ByteArrayContent Tar(string path, string text)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, leaveOpen: true))
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
        var content = new ByteArrayContent(stream.ToArray());
        content.Headers.ContentType = new("application/x-tar");
        return content;
    }
}
