namespace Datum.Providers.Clouds.Vsphere;

/// <summary>What vCenter says with a fault, in English. vcsim says the name of a Go type or nothing.</summary>
internal static class Words
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["NotAuthenticated"] = "The session is not authenticated.",
        ["InvalidLogin"] = "Cannot complete login due to an incorrect user name or password.",
        ["NoPermission"] = "Permission to perform this operation was denied.",
        ["ManagedObjectNotFound"] = "The object has already been deleted or has not been completely created",
        ["InvalidPowerState"] = "The attempted operation cannot be performed in the current state.",
        ["TaskInProgress"] = "The operation is not allowed in the current state: another task is already in progress.",
        ["ConcurrentAccess"] = "The object was changed by another user since it was read.",
        ["ToolsUnavailable"] = "Cannot complete operation because VMware Tools is not running in this virtual machine.",
        ["ResourceInUse"] = "The resource is in use.",
        ["InvalidDeviceSpec"] = "Invalid configuration for device.",
        ["CpuHotPlugNotSupported"] = "CPU hot plug is not supported for this virtual machine.",
        ["MemoryHotPlugNotSupported"] = "Memory hot plug is not supported for this virtual machine.",
        ["FileNotFound"] = "File was not found.",
        ["FileAlreadyExists"] = "The file already exists.",
        ["InsufficientMemoryResourcesFault"] = "The available Memory resources in the parent resource pool are insufficient for the operation.",
        ["InsufficientCpuResourcesFault"] = "The available CPU resources in the parent resource pool are insufficient for the operation.",
        ["NoDiskSpace"] = "Insufficient disk space on datastore.",
        ["NoCompatibleHost"] = "No host is compatible with the virtual machine.",
        ["LimitExceeded"] = "A limit of the server was exceeded.",
        ["NotEnoughLicenses"] = "There are not enough licenses for this operation.",
        ["HostCommunication"] = "Unable to communicate with the remote host, since it is disconnected.",
        ["SystemError"] = "A general system error occurred: Internal error.",
    };

    /// <summary>The sentence of a fault; its name for one that has none here.</summary>
    public static string Of(string? fault) => fault is null ? "A general system error occurred." : Known.GetValueOrDefault(fault, fault);
}
