using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>
/// Images at an address: the platform itself downloads each once to a storage of the node, compares its checksum, and keeps it. Files are shared by all
/// instances of that image and never removed by the driver.
/// </summary>
internal sealed partial class InstanceKind
{
    private const string UrlRecord = "imageUrl";

    private string ImageStorage => context.Settings.ImageStorage ?? context.Settings.IsoStorage;

    /// <summary>The step that brings the image, where it is one at an address and its file isn't there.</summary>
    private async ValueTask<(Step? Step, DriverError? Error)> ImageStepAsync(Call call, Identity id)
    {
        if (ImageUrl.TryParse(id.Resolved.GetValueOrDefault(UrlRecord)) is not { } url || id.Resolved.GetValueOrDefault("node") is not { } node)
            return (null, null);
        var (there, error) = await HasImageAsync(call, node, url);
        return (error is null && !there ? Step(ImageStep, StepVerb.Create, "download the image " + url.Address) : null, error);
    }

    private async ValueTask<Outcome<InstanceFacts>> DownloadAsync(Call call, Identity id)
    {
        if (ImageUrl.TryParse(id.Resolved.GetValueOrDefault(UrlRecord)) is not { } url || id.Resolved.GetValueOrDefault("node") is not { } node)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "No image at an address was chosen yet; look again."));
        // Instances of one image begin together: the first asks for the download, the others see its task.
        await context.ImageLock.WaitAsync(call.Cancellation);
        try
        {
            var (there, error) = await HasImageAsync(call, node, url);
            if (error is not null)
                return Failure(error);
            if (there)
                return new Done<InstanceFacts>();
            var (tasks, unread) = await ActiveTasks.ReadAsync(Api, call, node);
            if (unread is not null)
                return Failure(unread);
            if (tasks.Any(t => t.Type == "download" && t.Id == url.File))
                return new Running<InstanceFacts> { Progress = ProxmoxContext.Working("the platform downloads the image") };
            var look = await Api.ChangeAsync(call, new PveForm().Set("content", "import").Set("filename", url.File).Set("url", url.Address).Set("checksum", url.Checksum).Set("checksum-algorithm", url.Algorithm)
                .Post($"nodes/{node}/storage/{ImageStorage}/download-url"));
            // Whoever was first has put the same file there.
            return look.Error is { Code: ErrorCode.Conflict } ? new Running<InstanceFacts> { Progress = ProxmoxContext.Working("the platform downloads the image") } : ToOutcome(look);
        }
        finally
        {
            context.ImageLock.Release();
        }
    }

    /// <summary>A file that is still being written has another name.</summary>
    private async ValueTask<(bool There, DriverError? Error)> HasImageAsync(Call call, string node, ImageUrl url)
    {
        var list = await Api.ListAsync(call, $"nodes/{node}/storage/{ImageStorage}/content?content=import");
        return list.Value is { } items ? (items.Items.Any(i => i.Text("volid") == VolumeOf(url)), null) : (false, list.Error);
    }

    private string VolumeOf(ImageUrl url) => $"{ImageStorage}:import/{url.File}";
}
