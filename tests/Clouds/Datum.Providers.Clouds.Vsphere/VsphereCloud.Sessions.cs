namespace Datum.Providers.Clouds.Vsphere;

/// <summary>Who may come in, and with what rights.</summary>
public sealed partial class VsphereCloud
{
    private readonly Dictionary<string, string> _passwords = new(StringComparer.Ordinal) { [Vcsim.User] = Vcsim.Password };
    private readonly Dictionary<string, (string User, DateTimeOffset Last)> _sessions = new(StringComparer.Ordinal);
    private readonly HashSet<string> _privileges = [];

    /// <summary>Sessions that are accepted now, SOAP and REST.</summary>
    public int Sessions { get { lock (_gate) { Settle(); return _sessions.Count + _restSessions.Count; } } }

    /// <summary>The privileges that requests needed so far.</summary>
    public ImmutableSortedSet<string> Privileges { get { lock (_gate) return [.. _privileges]; } }

    /// <summary>Admits a user with a password, and with no other; null: never again.</summary>
    public void SetPassword(string user, string? password)
    {
        lock (_gate)
        {
            if (password is null)
                _passwords.Remove(user);
            else
                _passwords[user] = password;
        }
    }

    /// <summary>Ends all sessions, as a restart of the service does.</summary>
    public void ExpireSessions()
    {
        lock (_gate)
        {
            _sessions.Clear();
            _restSessions.Clear();
        }
    }

    private bool MayEnter(string? user, string? password) => user is not null && _passwords.TryGetValue(user, out var right) && right == password;

    private XElement Login(SoapCall call)
    {
        var user = call.Body.Text("userName");
        if (!MayEnter(user, call.Body.Text("password")) || _sessions.ContainsKey(call.Session))
            throw Fault("InvalidLogin");
        // vcsim knows one password.
        call.Body.Get("userName")!.Value = Vcsim.User;
        call.Body.Get("password")!.Value = Vcsim.Password;
        // A cookie of a session that has ended would be refused.
        call.Anonymous = true;
        var answer = Pass(call);
        var session = answer.Get("returnval")!;
        session.Get("userName")!.Value = user!;
        _sessions[session.Text("key")!] = (user!, Now);
        return answer;
    }

    private XElement Logout(SoapCall call)
    {
        _sessions.Remove(call.Session);
        return Pass(call);
    }

    // vcsim knows neither our users nor when a session was idle for too long.
    private XElement SessionIsActive(SoapCall call) => Response(call.Operation,
        Soap.Element("returnval", _sessions.TryGetValue(call.Body.Text("sessionID") ?? "", out var found) && found.User == call.Body.Text("userName") ? "true" : "false"));

    // Files are fetched and brought where the ticket says: vcsim names itself.
    private XElement Ticket(SoapCall call)
    {
        var answer = Pass(call);
        answer.Get("returnval")!.Get("hostName")!.Value = new Uri(call.Request.Authority).Authority;
        return answer;
    }

    private XElement Content(SoapCall call)
    {
        var answer = Pass(call);
        if (Knobs.InstanceUuid is { } id)
            answer.Get("returnval")!.Get("about")!.Get("instanceUuid")!.Value = id;
        return answer;
    }

    private void CheckSession(SoapCall call)
    {
        if (call.Operation is "RetrieveServiceContent" or "Login" or "LoginByToken")
            return;
        if (_sessions.TryGetValue(call.Session, out var session))
            _sessions[call.Session] = session with { Last = Now };
        else if (call.Operation is "RetrievePropertiesEx" or "RetrieveProperties")
            // No fault, but every property is missing for the want of a session: the collector itself is open to anybody.
            call.Anonymous = true;
        else
            throw Fault("NotAuthenticated", call.This.As("object"), Soap.Element("privilegeId", "System.View"));
    }

    private void CheckPrivilege(SoapCall call)
    {
        var privilege = PrivilegeOf(call);
        if (privilege is not null)
            _privileges.Add(privilege);
        if (Knobs.Denied.Contains(call.Operation) || (privilege is not null && Knobs.Denied.Contains(privilege)))
            throw Fault("NoPermission", call.This.As("object"), Soap.Element("privilegeId", privilege ?? "System.Read"));
    }

    // "Required Privileges" of VMware's programming guide, for what a driver of machines calls.
    private static string? PrivilegeOf(SoapCall call) => call.Operation switch
    {
        "CloneVM_Task" => "VirtualMachine.Provisioning.DeployTemplate",
        "CreateVM_Task" => "VirtualMachine.Inventory.Create",
        "RegisterVM_Task" => "VirtualMachine.Inventory.Register",
        "UnregisterVM" => "VirtualMachine.Inventory.Unregister",
        "PowerOnVM_Task" => "VirtualMachine.Interact.PowerOn",
        "PowerOffVM_Task" or "ShutdownGuest" => "VirtualMachine.Interact.PowerOff",
        "ResetVM_Task" or "RebootGuest" => "VirtualMachine.Interact.Reset",
        "SuspendVM_Task" => "VirtualMachine.Interact.Suspend",
        "AnswerVM" => "VirtualMachine.Interact.AnswerQuestion",
        "MarkAsTemplate" => "VirtualMachine.Provisioning.MarkAsTemplate",
        "MarkAsVirtualMachine" => "VirtualMachine.Provisioning.MarkAsVM",
        "RelocateVM_Task" => "Resource.ColdMigrate",
        "CreateSnapshot_Task" => "VirtualMachine.State.CreateSnapshot",
        "CreateFolder" => "Folder.Create",
        "MoveIntoFolder_Task" => "VirtualMachine.Inventory.Move",
        "CreateDVPortgroup_Task" or "AddDVPortgroup_Task" => "DVPortgroup.Create",
        "ReconfigureDVPortgroup_Task" => "DVPortgroup.Modify",
        "CreateVirtualDisk_Task" or "DeleteVirtualDisk_Task" or "CopyVirtualDisk_Task" or "CreateDisk_Task" or "DeleteVStorageObject_Task" or "DeleteDatastoreFile_Task" or "MakeDirectory" => "Datastore.FileManagement",
        "Destroy_Task" => call.This.Type switch
        {
            "VirtualMachine" => "VirtualMachine.Inventory.Delete",
            "DistributedVirtualPortgroup" => "DVPortgroup.Delete",
            _ => "Folder.Delete",
        },
        "Rename_Task" => call.This.Type == "VirtualMachine" ? "VirtualMachine.Config.Rename" : "Folder.Rename",
        "ReconfigVM_Task" => call.Body.Get("spec") switch
        {
            { } spec when spec.All("deviceChange").Any(d => Soap.TypeOf(d.Get("device") ?? d) == "VirtualDisk" && d.Text("operation") == "add") => "VirtualMachine.Config.AddNewDisk",
            { } spec when spec.All("deviceChange").Any(d => Soap.TypeOf(d.Get("device") ?? d) == "VirtualCdrom") =>
                spec.All("deviceChange").Any(d => d.Text("operation") == "add") ? "VirtualMachine.Config.AddRemoveDevice" : "VirtualMachine.Interact.SetCDMedia",
            { } spec when spec.Get("numCPUs") is not null => "VirtualMachine.Config.CPUCount",
            { } spec when spec.Get("memoryMB") is not null => "VirtualMachine.Config.Memory",
            _ => "VirtualMachine.Config.AdvancedConfig",
        },
        _ => null,
    };
}
