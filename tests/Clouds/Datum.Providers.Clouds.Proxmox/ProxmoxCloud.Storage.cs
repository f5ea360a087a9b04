using System.Globalization;
using System.Security.Cryptography;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Storages and what lies on them.</summary>
public sealed partial class ProxmoxCloud
{
    private readonly SortedDictionary<string, Storage> _storages = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Id, string? Node), Volume> _volumes = [];

    private void AddStorageRoutes()
    {
        _routes.Add("GET", "/storage", null, r => new JsonArray([.. _storages.Values.Where(s => SeesStorage(r, s)).Select(s => (JsonNode)StorageConfig(s))]));
        _routes.Add("GET", "/storage/{storage}", "/storage/{storage} Datastore.Allocate", r => StorageConfig(StorageOf(r.Text("storage"))));
        _routes.Add("GET", "/nodes/{node}/storage", null, r => new JsonArray([.. _storages.Values.Where(s => SeesStorage(r, s) && Offers(s, r.Find("content")) && (r.Find("storage") ?? s.Id) == s.Id)
            .Select(s => { var shown = StorageStatus(s, r.Text("node")); shown["storage"] = s.Id; return (JsonNode)shown; })]));
        _routes.Add("GET", "/nodes/{node}/storage/{storage}", "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace", r => { StorageOf(r.Text("storage")); return Index("status", "content", "upload", "download-url"); });
        _routes.Add("GET", "/nodes/{node}/storage/{storage}/status", "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace", r => StorageStatus(StorageOf(r.Text("storage")), r.Text("node")));
        _routes.Add("GET", "/nodes/{node}/storage/{storage}/content", "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace", ListContent);
        _routes.Add("POST", "/nodes/{node}/storage/{storage}/content", "/storage/{storage} Datastore.AllocateSpace", AllocateVolume);
        _routes.Add("GET", "/nodes/{node}/storage/{storage}/content/{volume}", null, ShowVolume);
        _routes.Add("PUT", "/nodes/{node}/storage/{storage}/content/{volume}", null, ChangeVolume);
        _routes.Add("DELETE", "/nodes/{node}/storage/{storage}/content/{volume}", null, DeleteVolume);
        _routes.Add("POST", "/nodes/{node}/storage/{storage}/upload", "/storage/{storage} Datastore.AllocateTemplate", UploadVolume);
        _routes.Add("POST", "/nodes/{node}/storage/{storage}/download-url", "/storage/{storage} Datastore.AllocateTemplate", DownloadVolume);
    }

    private Storage StorageOf(string id) => _storages.TryGetValue(id, out var storage) ? storage : throw PveError.Failed($"storage '{id}' does not exist");

    private bool SeesStorage(PveRequest r, Storage storage) => Has(r.Caller, "/storage/" + storage.Id, "Datastore.Audit") || Has(r.Caller, "/storage/" + storage.Id, "Datastore.AllocateSpace");

    private static bool Offers(Storage storage, string? contents) => contents is null || PveRequest.Split(contents).Any(storage.Contents.Contains);

    private static JsonObject StorageConfig(Storage storage) => new()
    {
        ["storage"] = storage.Id,
        ["type"] = storage.Type,
        ["content"] = string.Join(',', storage.Contents),
        ["shared"] = storage.Shared ? 1 : 0,
        ["digest"] = Digest(storage.Id),
    };

    private long Used(Storage storage, string node) => Knobs.FullStorages.Contains(storage.Id) ? storage.Total
        : _volumes.Values.Where(v => v.Storage == storage && (v.Node is null || v.Node == node)).Sum(v => v.Parent is null ? v.Size : v.Size / 10);

    private JsonObject StorageStatus(Storage storage, string node)
    {
        var used = Used(storage, node);
        return new JsonObject
        {
            ["type"] = storage.Type,
            ["content"] = string.Join(',', storage.Contents),
            ["active"] = 1,
            ["enabled"] = 1,
            ["shared"] = storage.Shared ? 1 : 0,
            ["total"] = storage.Total,
            ["used"] = used,
            ["avail"] = storage.Total - used,
        };
    }

    private JsonObject StorageRow(Storage storage, Node node)
    {
        var online = !Knobs.OfflineNodes.Contains(node.Name);
        return new JsonObject
        {
            ["id"] = $"storage/{node.Name}/{storage.Id}",
            ["type"] = "storage",
            ["storage"] = storage.Id,
            ["node"] = node.Name,
            ["plugintype"] = storage.Type,
            ["status"] = online ? "available" : "unknown",
            ["content"] = string.Join(',', storage.Contents),
            ["shared"] = storage.Shared ? 1 : 0,
            ["disk"] = Used(storage, node.Name),
            ["maxdisk"] = storage.Total,
        };
    }

    private JsonNode? ListContent(PveRequest r)
    {
        var (storage, node) = (StorageOf(r.Text("storage")), r.Text("node"));
        var wanted = _volumes.Values.Where(v => v.Storage == storage && (v.Node is null || v.Node == node));
        if (r.Find("content") is { } content)
            wanted = wanted.Where(v => v.Content == content);
        if (r.Number("vmid") is { } id)
            wanted = wanted.Where(v => v.Vmid == id);
        return new JsonArray([.. wanted.OrderBy(v => v.Id, StringComparer.Ordinal).Select(v => (JsonNode)VolumeRow(v))]);
    }

    private static JsonObject VolumeRow(Volume volume)
    {
        var row = new JsonObject { ["volid"] = volume.Id, ["content"] = volume.Content, ["format"] = volume.Format, ["size"] = volume.Size, ["ctime"] = volume.Made.ToUnixTimeSeconds() };
        if (volume.Vmid is { } id)
            row["vmid"] = id;
        if (volume.Parent is { } parent)
            row["parent"] = parent;
        if (volume.Notes is { } notes)
            row["notes"] = notes;
        if (volume.Protected)
            row["protected"] = 1;
        return row;
    }

    /// <summary>A volume by its id as a node sees it; null where it isn't.</summary>
    private Volume? FindVolume(string id, string node) => _volumes.GetValueOrDefault((id, null)) ?? _volumes.GetValueOrDefault((id, node));

    private Volume VolumeAt(PveRequest r)
    {
        var text = r.Text("volume");
        var id = text.Contains(':', StringComparison.Ordinal) ? text : $"{r.Text("storage")}:{text}";
        var storage = StorageOf(id.Split(':')[0]);
        return FindVolume(id, r.Text("node")) ?? throw PveError.Failed(storage.IsFiles
            ? $"volume '{id}' does not exist" : $"no such logical volume pve/{id.Split(':')[1]}");
    }

    private JsonNode? ShowVolume(PveRequest r)
    {
        var volume = VolumeAt(r);
        if (!Has(r.Caller, "/storage/" + volume.Storage.Id, "Datastore.Audit"))
            DemandAny(r.Caller, volume.Vmid is { } owner ? "/vms/" + owner : "/storage/" + volume.Storage.Id, volume.Vmid is null ? "Datastore.AllocateSpace" : "VM.Config.Disk");
        var shown = new JsonObject { ["path"] = PathOf(volume), ["size"] = volume.Size, ["used"] = volume.Size, ["format"] = volume.Format };
        if (volume.Notes is { } notes)
            shown["notes"] = notes;
        return shown;
    }

    private static string PathOf(Volume volume) => volume.Storage.IsFiles ? $"/mnt/{volume.Storage.Id}/{volume.Name}" : $"/dev/{volume.Storage.Id}/{volume.Name}";

    private JsonNode? ChangeVolume(PveRequest r)
    {
        var volume = VolumeAt(r);
        DemandAny(r.Caller, "/storage/" + volume.Storage.Id, "Datastore.Allocate");
        if (volume.Content != "backup")
            throw PveError.Failed($"updating attribute 'notes' is not supported for storage type '{volume.Storage.Type}' and content '{volume.Content}'");
        volume.Notes = r.Find("notes") ?? volume.Notes;
        volume.Protected = r.Flag("protected", volume.Protected);
        volume.Revision = Touched();
        return null;
    }

    private JsonNode? AllocateVolume(PveRequest r)
    {
        var (storage, node) = (StorageOf(r.Text("storage")), r.Text("node"));
        if (!storage.Contents.Contains("images"))
            throw PveError.Failed($"storage '{storage.Id}' does not support vm images");
        var vmid = (int)r.Number("vmid")!.Value;
        var file = r.Text("filename");
        if (!file.StartsWith(FormattableString.Invariant($"vm-{vmid}-"), StringComparison.Ordinal))
            throw PveError.Failed($"illegal name '{file}' - should be 'vm-{vmid}-*'");
        var name = storage.IsFiles ? $"{vmid}/{file}" : file;
        if (FindVolume($"{storage.Id}:{name}", node) is not null)
            throw PveError.Failed(storage.Type == "lvmthin" ? $"lvcreate 'pve/{name}' error:   Logical Volume \"{name}\" already exists in volume group \"pve\"" : $"disk image '{name}' already exists");
        // A bare number is KiB here, and only here.
        return Allocate(storage, node, name, "images", r.Find("format") ?? "raw", PropertyText.Bytes(r.Text("size"), 1024), vmid).Id;
    }

    private Volume Allocate(Storage storage, string node, string name, string content, string format, long size, int? vmid, byte[]? data = null)
    {
        if (Knobs.FullStorages.Contains(storage.Id) || (content != "iso" && storage.Total - Used(storage, node) < size))
            throw PveError.Failed(OutOfSpace(storage, name));
        var volume = new Volume { Storage = storage, Name = name, Node = storage.Shared ? null : node, Content = content, Format = format, Size = size, Vmid = vmid, Made = Now, Data = data ?? [] };
        volume.Revision = Touched();
        _volumes[(volume.Id, volume.Node)] = volume;
        return volume;
    }

    private static string OutOfSpace(Storage storage, string name) => storage.Type switch
    {
        "lvmthin" => $"lvcreate 'pve/{name}' error:   Cannot create new thin volume, free space in thin pool pve/data reached threshold.",
        "lvm" => $"lvcreate 'pve/{name}' error:   Volume group \"pve\" has insufficient free space (0 extents): 1 required.",
        "rbd" => $"rbd create '{name}' error: (28) No space left on device",
        _ => "unable to create image: No space left on device",
    };

    /// <summary>The next free name of a machine's disk.</summary>
    private string DiskName(Storage storage, int vmid, string node, string prefix = "vm", string format = "raw")
    {
        for (var i = 0; ; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{vmid}-disk-{i}");
            name = storage.IsFiles ? $"{vmid}/{name}.{format}" : name;
            if (FindVolume($"{storage.Id}:{name}", node) is null)
                return name;
        }
    }

    private JsonNode? DeleteVolume(PveRequest r)
    {
        var volume = VolumeAt(r);
        if (!Has(r.Caller, "/storage/" + volume.Storage.Id, "Datastore.Allocate"))
            DemandAny(r.Caller, "/storage/" + volume.Storage.Id, volume.Content is "images" or "rootdir" ? "Datastore.Allocate" : "Datastore.AllocateTemplate");
        if (volume.Content == "images" && volume.Vmid is { } owner && _machines.TryGetValue(owner, out var machine) && machine.Config.Values.Any(v => v.Split(',')[0] == volume.Id))
            throw PveError.Failed($"Cannot remove image, a guest with VMID '{owner}' exists!");
        CheckUnused(volume);
        var task = Begin(r, "imgdel", $"{volume.Name.Replace('/', '-')}@{volume.Storage.Id}", r.Text("node"), _ => Drop(volume));
        return r.Has("delay") && _tasks[^1].Exit is not null ? null : task;
    }

    private void CheckUnused(Volume volume)
    {
        if (_volumes.Values.FirstOrDefault(v => v.Parent == volume.Id) is not null)
            throw PveError.Failed($"base volume '{volume.Name}' is still in use by linked clones");
    }

    private void Drop(Volume volume) => _volumes.Remove((volume.Id, volume.Node));

    private static (string Folder, string Format) ContentOf(PveRequest r)
    {
        var (content, file) = (r.Text("content"), r.Text("filename"));
        var ends = file[(file.LastIndexOf('.') + 1)..];
        var right = content switch
        {
            "iso" => ends is "iso" or "img",
            "vztmpl" => ends is "gz" or "xz" or "zst" or "tar",
            _ => ends is "qcow2" or "raw" or "vmdk" or "ova",
        };
        if (!right)
            throw PveError.Parameter("filename", content == "import" ? "invalid filename or wrong extension" : $"missing '.{(content == "iso" ? "iso' or '.img" : "tar.gz' or '.tar.xz' or '.tar.zst")}' extension");
        return (content == "vztmpl" ? "vztmpl" : content, content == "iso" ? "iso" : ends);
    }

    private Storage TakesContent(PveRequest r)
    {
        var storage = StorageOf(r.Text("storage"));
        return storage.Contents.Contains(r.Text("content")) ? storage : throw PveError.Failed($"storage '{storage.Id}' is not configured for content-type '{r.Text("content")}'");
    }

    private JsonNode? UploadVolume(PveRequest r)
    {
        if (r.Upload is not { } data)
            throw new PveError(400, "no upload: tmpfilename is missing");
        var storage = TakesContent(r);
        var (folder, format) = ContentOf(r);
        var (node, name) = (r.Text("node"), $"{folder}/{r.Text("filename")}");
        var sum = r.Find("checksum");
        var algorithm = r.Find("checksum-algorithm");
        // A file of that name is replaced.
        return Begin(r, "imgcopy", "", node, task =>
        {
            if (sum is not null && !HashOf(algorithm!, data).Equals(sum, StringComparison.OrdinalIgnoreCase))
                throw PveError.Failed($"checksum mismatch: got '{HashOf(algorithm!, data)}' != expect '{sum}'");
            Allocate(storage, node, name, r.Text("content"), format, data.Length, null, data);
            task.Log.Add("finished file import successfully");
        });
    }

    private static string HashOf(string algorithm, byte[] data) => Convert.ToHexStringLower(algorithm switch
    {
        "sha384" => SHA384.HashData(data),
        "sha512" => SHA512.HashData(data),
        "sha256" => SHA256.HashData(data),
        _ => throw new PveError(501, "The double knows no " + algorithm),
    });

    /// <summary>Nothing is fetched: the volume is a gibibyte of nothing.</summary>
    private JsonNode? DownloadVolume(PveRequest r)
    {
        // Whoever may have an address fetched can look around in the nodes' network.
        if (!(Has(r.Caller, "/", "Sys.Audit") && Has(r.Caller, "/", "Sys.Modify")))
            DemandAny(r.Caller, "/nodes/" + r.Text("node"), "Sys.AccessNetwork");
        var storage = TakesContent(r);
        var (folder, format) = ContentOf(r);
        var (node, name, content) = (r.Text("node"), $"{folder}/{r.Text("filename")}", r.Text("content"));
        if (FindVolume($"{storage.Id}:{name}", node) is not null)
            throw PveError.Failed($"refusing to override existing file '{PathOf(FindVolume($"{storage.Id}:{name}", node)!)}'");
        return Begin(r, "download", r.Text("filename"), node, _ => Allocate(storage, node, name, content, format, GiB, null));
    }

    /// <summary>As long as the platform's, of another kind.</summary>
    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)))[..40];
}
