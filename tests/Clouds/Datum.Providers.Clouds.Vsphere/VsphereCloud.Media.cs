using System.Formats.Tar;
using System.Text;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>
/// Files of datastores over HTTP, and media in the drives of machines. A guest has its secrets when it read them: when a drive that is connected
/// holds an image with the label, and in it an archive with the revision that its user data waits for.
/// </summary>
public sealed partial class VsphereCloud
{
    private static readonly MoRef FileManager = new("FileManager", "FileManager");

    private readonly Dictionary<string, string> _uploads = new(StringComparer.Ordinal);
    private readonly Dictionary<MoRef, string> _unpacked = [];
    private readonly HashSet<MoRef> _thirsty = [];
    private bool _mediaChanged;

    /// <summary>Files that were brought over HTTP and are there, as the API writes them: <c>[datastore] folder/file</c>.</summary>
    public IReadOnlyList<string> Uploads { get { lock (_gate) { Settle(); return [.. _uploads.Keys.Where(f => ReadFile(f) is not null).Order(StringComparer.Ordinal)]; } } }

    /// <summary>What a file holds; null where there is none.</summary>
    public byte[]? FileContent(string path) { lock (_gate) return ReadFile(path); }

    /// <summary>Takes a file away, as a person does; false when it isn't there.</summary>
    public bool VanishFile(string path)
    {
        lock (_gate)
        {
            if (ReadFile(path) is null)
                return false;
            DeleteFile(path);
            return true;
        }
    }

    /// <summary>State of the unit that unpacks a guest's secrets, as its report tells it.</summary>
    public string SecretsOf(MoRef machine)
    {
        lock (_gate)
        {
            Settle();
            return WantedRevision(Options(_vcsim.Read(machine, "config")["config"])) is not { } wanted || _unpacked.GetValueOrDefault(machine) == wanted ? "active" : "activating";
        }
    }

    /// <summary>Moves the files of a machine that is off to a folder of another name, as a migration of its storage does; media of drives stay where they are.</summary>
    public bool MoveFiles(MoRef machine, string folder) => Try(() =>
    {
        var path = _vcsim.Read(machine, "config.files.vmPathName")["config.files.vmPathName"].Value;
        var moved = $"{path[..(path.IndexOf(']', StringComparison.Ordinal) + 2)]}{folder}";
        _vcsim.Call("MakeDirectory", FileManager, Soap.Element("name", moved), Datacenter().As("datacenter"), Soap.Element("createParentDirectories", "true"));
        _vcsim.Run(Soap.Element("ReconfigVM_Task", machine.As("_this"), Soap.Element("spec", Soap.Option("SET.config.files.vmPathName", $"{moved}/{path[(path.LastIndexOf('/') + 1)..]}"))));
    });

    private CloudResponse HandleFile(CloudRequest request)
    {
        var rule = Note($"{request.Method} folder", request.Path, 0);
        if (rule is { Moment: FaultMoment.Before })
            return Broken(rule);
        var answer = AnswerFile(request);
        _calls[^1] = _calls[^1] with { Status = answer.Status };
        return rule is null ? answer : Broken(rule);
    }

    private CloudResponse AnswerFile(CloudRequest request)
    {
        if (Knobs.Overloaded is { } wait)
            return Overloaded(wait);
        if (request.Method is not ("GET" or "HEAD" or "PUT"))
            return CloudResponse.Text(405, "");
        var session = new SoapCall(request, Soap.Element(request.Method)).Session;
        if (!_sessions.TryGetValue(session, out var known))
            return CloudResponse.Text(401, "");
        _sessions[session] = known with { Last = Now };
        var privilege = request.Method == "PUT" ? "Datastore.FileManagement" : "Datastore.Browse";
        _privileges.Add(privilege);
        if (Knobs.Denied.Contains(privilege))
            return CloudResponse.Text(403, "");
        if (request.Parameter("dcPath") is not { Length: > 0 } datacenter || request.Parameter("dsName") is not { Length: > 0 } datastore)
        {
            _violations.Add($"{request.Method} {request.Path}: dcPath and dsName say which datastore");
            return CloudResponse.Text(400, "");
        }

        var name = Uri.UnescapeDataString(request.Path["/folder/".Length..]);
        var path = $"[{datastore}] {name}";
        if (_vcsim.Find($"/{datacenter}/datastore/{datastore}") is null)
            return CloudResponse.Text(404, "");
        var there = ReadFile(path) is not null;
        if (request.Method != "PUT")
            return there ? request.Method == "GET" ? _vcsim.Send(Folder("GET", path), default) : CloudResponse.Text(200, "") : CloudResponse.Text(404, "");
        // Folders aren't made by the way; vcsim makes them.
        if (_vcsim.Send(Folder("GET", path[..(path.LastIndexOf('/') + 1)]), default).Status != 200)
            return CloudResponse.Text(404, "");
        Write(path, request.Body);
        return CloudResponse.Text(there ? 200 : 201, "");
    }

    private XElement DeleteDatastoreFile(SoapCall call)
    {
        var path = call.Need("name").Value;
        return Start(call, () =>
        {
            // A medium in a drive of a machine that runs is open.
            foreach (var (machine, values) in _vcsim.ReadMany("VirtualMachine", _vcsim.List("VirtualMachine"), "runtime.powerState", "config.hardware.device"))
                if (values["runtime.powerState"].Value == "poweredOn" && Media(values["config.hardware.device"]).Contains(path))
                    throw new VimFault("FileLocked", $"Unable to access file {path} since it is locked by {machine}.", Soap.Element("file", path));
            _vcsim.Run(call.Body);
            _uploads.Remove(path);
            return null;
        }, exclusive: false);
    }

    private void Write(string path, ReadOnlyMemory<byte> content)
    {
        _vcsim.Send(Folder("PUT", path), content);
        _uploads[path] = "";
        _mediaChanged = true;
    }

    private byte[]? ReadFile(string path) => _vcsim.Send(Folder("GET", path), default) is { Status: 200 } answer ? answer.Body.ToArray() : null;

    private void DeleteFile(string path)
    {
        _vcsim.Run(Soap.Element("DeleteDatastoreFile_Task", FileManager.As("_this"), Soap.Element("name", path), Datacenter().As("datacenter")));
        _uploads.Remove(path);
    }

    private MoRef Datacenter() => _vcsim.Find($"/{Inventory.Datacenter}")!;

    private static CloudRequest Folder(string method, string path)
    {
        var end = path.IndexOf(']', StringComparison.Ordinal);
        return new CloudRequest { Method = method, Path = "/folder/" + path[(end + 2)..], Query = [new("dcPath", Inventory.Datacenter), new("dsName", path[1..end])] };
    }

    // A machine's end takes its own files; vcsim takes the whole folder.
    private void KeepOthers(MoRef machine, Action destroy)
    {
        var path = _vcsim.Read(machine, "config.files.vmPathName").GetValueOrDefault("config.files.vmPathName")?.Value ?? "";
        var folder = path[..(path.LastIndexOf('/') + 1)];
        var kept = _uploads.Keys.Where(f => folder.Length > 0 && f.StartsWith(folder, StringComparison.Ordinal)).Select(f => (f, Content: ReadFile(f))).Where(f => f.Content is not null).ToList();
        destroy();
        foreach (var (file, content) in kept)
            Write(file, content);
    }

    private void ClearFiles()
    {
        foreach (var file in _uploads.Keys.Where(f => ReadFile(f) is not null).ToList())
            DeleteFile(file);
    }

    // Of a list of devices, or of hardware that holds one.
    private static IEnumerable<string> Media(XElement devices) => devices.Elements().Where(d => Soap.TypeOf(d) == "VirtualCdrom" && d.Get("connectable")?.Text("connected") != "false")
        .Select(d => d.Get("backing")).Where(b => b is not null && Soap.TypeOf(b) == "VirtualCdromIsoBackingInfo").Select(b => b!.Text("fileName")).OfType<string>();

    // A drive whose medium isn't there is left unconnected, and the machine starts all the same.
    private void ConnectDrives(MoRef machine)
    {
        foreach (var drive in _vcsim.Read(machine, "config.hardware.device")["config.hardware.device"].Elements().Where(d => Soap.TypeOf(d) == "VirtualCdrom").ToList())
        {
            if (drive.Get("backing") is not { } backing || backing.Text("fileName") is not { } file || drive.Get("connectable") is not { } connectable)
                continue;
            var connects = connectable.Text("startConnected") == "true" && ReadFile(file) is not null;
            if (connectable.Text("connected") == (connects ? "true" : "false"))
                continue;
            connectable.Get("connected")!.Value = connects ? "true" : "false";
            _vcsim.Run(Soap.Element("ReconfigVM_Task", machine.As("_this"), Soap.Element("spec", Soap.Element("deviceChange", Soap.Element("operation", "edit"), new XElement(drive) { Name = Soap.Vim + "device" }))));
        }
    }

    private static string? WantedRevision(IReadOnlyDictionary<string, string> options) =>
        WantedPattern().Match(GuestMetadata.Decode(options, "guestinfo.userdata")) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>The unit that waits for secrets: what it unpacked once is on the guest's disk.</summary>
    private string Unpack(MoRef machine, XElement config, IReadOnlyDictionary<string, string> options)
    {
        _thirsty.Remove(machine);
        if (WantedRevision(options) is not { } wanted || _unpacked.GetValueOrDefault(machine) == wanted)
            return "active";
        if (Media(config.Get("hardware")!).Select(ReadFile).OfType<byte[]>().Any(image => SeedReader.Label(image) == SecretsLabel && RevisionOf(image) == wanted))
        {
            _unpacked[machine] = wanted;
            return "active";
        }

        _thirsty.Add(machine);
        return "activating";
    }

    private const string SecretsLabel = "DATUMSECRET";

    private static string? RevisionOf(byte[] image)
    {
        if (!SeedReader.Read(image).TryGetValue("secrets.tar", out var document))
            return null;
        try
        {
            using var tar = new TarReader(new MemoryStream(document));
            string? revision = null;
            while (tar.GetNextEntry(copyData: true) is { } entry)
                revision = entry.Name == ".revision" && entry.DataStream is { } data ? new StreamReader(data, Encoding.UTF8).ReadToEnd().Trim() : null;
            // The last entry: without it the document isn't whole.
            return revision;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            return null;
        }
    }

    // The unit tries again every second.
    private void SettleMedia()
    {
        if (!_mediaChanged)
            return;
        _mediaChanged = false;
        foreach (var machine in _thirsty.ToList())
            if (IsOn(machine))
                Report(machine);
    }

    private void Report(MoRef machine)
    {
        var config = _vcsim.Read(machine, "config")["config"];
        var options = Options(config);
        var secrets = Unpack(machine, config, options);
        if (Knobs.GuestReports && GuestMetadata.Decode(options, "guestinfo.userdata").Contains(BeaconKey, StringComparison.Ordinal))
            Apply(machine, Soap.Element("spec", Soap.Option(BeaconKey,
                $$"""{"version":1,"hostname":"guest","boot":"1","uptimeSeconds":1,"time":{{Now.ToUnixTimeSeconds()}},"ready":{{(secrets == "active" ? "true" : "false")}},"firewall":"none","secrets":"{{secrets}}","containers":[],"ports":[],"disks":[]}""")));
    }

    [GeneratedRegex("wanted=([0-9a-f]+)")]
    private static partial Regex WantedPattern();
}
